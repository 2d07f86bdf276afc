/**
 * What a real machine's doings take, which a virtual one must be told. Times in nanoseconds; those
 * "a page" are for 4 KiB and grow with the page size. docs/virtual.md has the sources.
 */
export interface Costs {
  /** A page access; `rate: max` makes one every so often. */
  readonly accessNs: number;
  /** More for the first write to a page since its mark was taken: the fault of a protected page. */
  readonly firstWriteNs: number;
  /** Taking the dirty log, for each GiB of guest. */
  readonly harvestNsPerGiB: number;
  /** Reading a page and putting it into a frame. */
  readonly encodeNs: number;
  /** Taking a page out of a frame and writing it. */
  readonly installNs: number;
  /** The sender's own speed, whatever the link could carry. */
  readonly rawSendBytesPerSecond: number;
  /** The same for a page that the destination has not touched before. */
  readonly firstSendBytesPerSecond: number;
  /**
   * CPU time of sending a byte, on the CPU that the vCPUs are on: while they run the sender gets half
   * of it, and what it uses they lose (steal time).
   */
  readonly senderCpuNsPerByte: number;
  /** From asking the vCPUs to stop until all stand still. */
  readonly kickNs: number;
  /** Saving, and likewise loading, the state of vCPUs and devices. */
  readonly stateNs: number;
  /** Bytes of state that the emulator's own does not stand for; sent before RUN. */
  readonly stateBytes: number;
  /** Before the first page is sent. */
  readonly setupNs: number;
  /** Starting the vCPUs at the destination. */
  readonly startNs: number;
  /** Going on after a demand fault, once the page is there. */
  readonly wakeNs: number;
  /** A demand fault whose page has come already and lies in a buffer. */
  readonly minorFaultNs: number;
  /** Leaving the guest because its dirty ring is full. */
  readonly ringFullNs: number;
  /** Giving a page to the balloon, or taking it out again. */
  readonly balloonPageNs: number;
  /** A callback of memory pressure, beside the pages that it brings. */
  readonly pressureNs: number;
  /** Taking a page away from its process for pseudo-paging, while the guest stands still. */
  readonly pseudoPageNs: number;
  /** How late a sender that slept out its window goes on: fixed, and for each byte of the window. */
  readonly windowLagNs: number;
  readonly windowLagNsPerByte: number;
  /** Taking the dirty log needs every vCPU to answer: one that sleeps for a throttle holds it up. */
  readonly harvestWaitsForVcpus: boolean;
}

/** What links and hosts of today take, from the literature. */
const KVM: Costs = {
  // 100 ns: a write and the loop around it that misses the TLB and the last-level cache.
  accessNs: 100,
  // cloud-hypervisor issue 8899: 260 ns of guest time for each page dirtied again.
  firstWriteNs: 260,
  // The same: bitmap to ranges, 64 GiB at 10 % dirty in 12 ms.
  harvestNsPerGiB: 187_500,
  // Measured on the threads runtime (`npm run bench`): 16 pages are encoded in 6.5 µs, installed in as much.
  encodeNs: 400,
  installNs: 400,
  rawSendBytesPerSecond: Infinity,
  firstSendBytesPerSecond: Infinity,
  senderCpuNsPerByte: 0,
  kickNs: 50_000,
  stateNs: 500_000,
  stateBytes: 0,
  // cloud-hypervisor issue 8899: start of the dirty log, 0.1 ms a GiB after its change; the rest is handshake.
  setupNs: 500_000,
  startNs: 200_000,
  wakeNs: 5000,
  // A page fault that finds its page: 0.5 us on the host (lmbench), twice that under nested paging.
  minorFaultNs: 1000,
  ringFullNs: 20_000,
  // virtio-balloon as the patch VIRTIO_BALLOON_F_SG found it (linux-kernel, July 2017): 7 GB in 4126 ms.
  balloonPageNs: 2200,
  // Not known: nothing beyond the pages.
  pressureNs: 0,
  // The same order: an exchange of machine frames, batched.
  pseudoPageNs: 2200,
  windowLagNs: 0,
  windowLagNsPerByte: 0,
  harvestWaitsForVcpus: false,
};

/** QEMU with TCG, fitted to measured runs on a host of two shared cores (docs/validate.md). */
const QEMU_TCG: Costs = {
  ...KVM,
  accessNs: 150,
  firstWriteNs: 0,
  harvestNsPerGiB: 400_000,
  encodeNs: 0,
  installNs: 0,
  rawSendBytesPerSecond: 1.9e9,
  firstSendBytesPerSecond: 0.33e9,
  kickNs: 300_000,
  stateNs: 1_500_000,
  stateBytes: 112_000,
  setupNs: 2_000_000,
  startNs: 1_000_000,
  windowLagNs: 100_000,
  windowLagNsPerByte: 0.03,
  harvestWaitsForVcpus: true,
};

/** Nothing takes any time but the link: an ideal machine, for comparing algorithms. */
const NONE: Costs = {
  ...KVM,
  accessNs: 1,
  firstWriteNs: 0,
  harvestNsPerGiB: 0,
  encodeNs: 0,
  installNs: 0,
  kickNs: 0,
  stateNs: 0,
  setupNs: 0,
  startNs: 0,
  wakeNs: 0,
  minorFaultNs: 0,
  ringFullNs: 0,
  balloonPageNs: 0,
  pseudoPageNs: 0,
};

export const COST_PROFILES = { kvm: KVM, 'qemu-tcg': QEMU_TCG, none: NONE } as const;
export type CostProfile = keyof typeof COST_PROFILES;
