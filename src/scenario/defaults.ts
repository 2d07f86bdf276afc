/**
 * Defaults of a scenario, each with where it comes from. Those of a migration and of workloads stand
 * with the keys of their kinds (migration/spec/, guest/patterns/).
 */
export const DEFAULTS = {
  seed: 1,
  runtime: 'threads',
  verify: 'replay',
  guest: {
    /** x86's page; what KVM's dirty log counts in. */
    pageSize: '4KiB',
    vcpus: 2,
    /** Fastest of the exact logs: no atomics in the write loop. */
    dirtyLog: 'bitmap',
    /** QEMU's hint for `-accel kvm,dirty-ring-size` (qemu-options.hx). */
    dirtyRingSize: 4096,
    memslots: 1,
  },
  mixed: {
    /** The image of a 128 MiB Linux guest running Redis: 1712 of its 23 957 non-zero pages. */
    duplicateShare: 0.0715,
    /** The same image: what zlib level 1 leaves of a non-zero page, on average. */
    compressedShare: 0.347,
  },
  link: {
    /** The migration network of most published measurements. */
    bandwidth: '1Gbit/s',
    /** A switched LAN, one way. */
    latency: '100us',
    integrity: 'full',
  },
  memoryManager: {
    /** Hines et al., OSR 2009, section 3.4: what a shrinker's callback asks for. */
    deflatePages: 128,
    cacheReclaimShare: 0,
    /** The same: the balloon takes 95 % of what is free every 5 s; after pressure none for ten. */
    interval: '5s',
    share: 0.95,
    holdOff: 10,
  },
} as const;
