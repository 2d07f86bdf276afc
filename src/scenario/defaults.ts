/** Every default of a scenario, each with where it comes from. */
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
  bubbling: {
    /** Hines & Gopalan 2009, section 3.4, where it begins; the paper's best is 7. */
    pivots: 1,
    direction: 'dual',
    queuePages: 0,
    discardsQueue: false,
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
  stun: {
    /** Clark et al. 2005, section 5.4. */
    faults: 40,
    afterRound: 1,
  },
  migration: {
    algorithm: 'precopy',
    policy: 'qemu',
    /** Rules that differ: what the limiter and the counters count. */
    qemuVersion: '10',
    autoConverge: false,
    /** Clark et al. 2005: at most 29 live rounds, then the stop. */
    rounds: 30,
    strictRate: false,
    postcopyAfter: 1,
    swapReadaheadPages: 1,
    /** QEMU: max-postcopy-bandwidth 0, no limit. */
    postcopyBandwidth: 'unlimited',
    /** QEMU: the background scan goes on from a requested page. */
    pageOrder: 'follow',
    /** QEMU: a post-copy whose connection fails is paused, not failed. */
    postcopyRecovery: true,
    /** As long as `timeout`: QEMU waits until a person acts, and an emulation has to end. */
    postcopyRecoveryTimeout: '60s',
    /** QEMU: migration/options.c, DEFAULT_MIGRATE_SET_DOWNTIME. */
    downtimeLimit: '300ms',
    startAfter: '1s',
    runAfter: '1s',
    timeout: '60s',
    /** QEMU looks for zero pages unless told otherwise. */
    encodings: ['zero'],
  },
} as const;
