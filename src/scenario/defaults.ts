/**
 * The defaults of a scenario, each with its source. The defaults of migrations and of workloads stand beside their
 * keys (migration/spec/, guest/patterns/).
 */
export const DEFAULTS = {
  seed: 1,
  runtime: 'threads',
  verify: 'replay',
  guest: {
    /** This is the page of x86, and KVM's dirty log counts such pages. */
    pageSize: '4KiB',
    vcpus: 2,
    /** This is the fastest of the exact logs, as its write loop needs no atomics. */
    dirtyLog: 'bitmap',
    /** QEMU recommends this size for `-accel kvm,dirty-ring-size` (qemu-options.hx). */
    dirtyRingSize: 4096,
    memslots: 1,
  },
  mixed: {
    /** In the image of a 128 MiB Linux guest running Redis, 1712 of 23 957 non-zero pages were duplicates. */
    duplicateShare: 0.0715,
    /** Of a non-zero page of the same image, zlib level 1 leaves this share on average. */
    compressedShare: 0.347,
  },
  link: {
    /** Most published measurements have a migration network of this bandwidth. */
    bandwidth: '1Gbit/s',
    /** A switched LAN has about this latency, one way. */
    latency: '100us',
    integrity: 'full',
    /** Only what keeps the link busy is handed over ahead of it, so that a requested page hardly waits. */
    sendBuffer: '0B',
  },
  memoryManager: {
    /** A shrinker's callback asks for this many pages (Hines et al., OSR 2009, section 3.4). */
    deflatePages: 128,
    cacheReclaimShare: 0,
    /** Every 5 s the balloon takes 95 % of the free memory, and after pressure none for ten times (ibid.). */
    interval: '5s',
    share: 0.95,
    holdOff: 10,
  },
} as const;
