/**
 * How long the work of a real machine takes, which a virtual one must be told. Times are nanoseconds;
 * times for a page hold for 4 KiB and grow with the page size. docs/virtual.md names the sources.
 */
export interface Costs {
  /** A page access takes this long; a workload of `rate: max` makes one access after the other. */
  readonly accessNs: number;
  /** The first write to a page since its mark was harvested takes this much longer: the protected page faults. */
  readonly firstWriteNs: number;
  /** Harvesting the dirty log takes this long for each GiB of guest memory. */
  readonly harvestNsPerGiB: number;
  /** Reading a page and putting it into a frame takes this long. */
  readonly encodeNs: number;
  /** A zero page takes this much longer, for the scan at the source and the check at the destination. */
  readonly zeroPageNs: number;
  /** Taking a page out of a frame and writing it to memory takes this long. */
  readonly installNs: number;
  /** Where pages may be sent as references, both sums of a page take this long, at the source and at the destination. */
  readonly hashNs: number;
  /** Comparing a page with what was sent of it last takes this long (XBZRLE), and so does making it of the differences. */
  readonly xbzrleNs: number;
  /** Compressing a page takes this long, and decompressing one; absent for what compression-costs.ts has for the method. */
  readonly compressNs?: number;
  readonly decompressNs?: number;
  /** Coding the words of a page takes this long (mecom), and so does making it of them. */
  readonly wordsNs: number;
  /** The main thread takes a page out of the dirty ones and hands it to a channel in this time. */
  readonly handPageNs: number;
  /** It looks whether a page is zero in this time, where channels do not; where they do, that is part of encoding. */
  readonly scanNs: number;
  /** So many channels work at once on either host at most; the others wait for a CPU. */
  readonly channelCpus: number;
  /** The sender sends raw pages at most this fast, however much the link could carry. */
  readonly rawSendBytesPerSecond: number;
  /** The sender sends a page for the first time at most this fast, as the destination has not touched it yet. */
  readonly firstSendBytesPerSecond: number;
  /**
   * Sending a byte takes this much CPU time on the CPU that the vCPUs run on. While they run, the sender
   * gets half of that CPU, and the vCPUs lose what the sender uses (steal time).
   */
  readonly senderCpuNsPerByte: number;
  /** All vCPUs stand still this long after they were asked to stop. */
  readonly kickNs: number;
  /** Saving the state of vCPUs and devices takes this long, and loading it takes as long again. */
  readonly stateNs: number;
  /** A real machine sends this many more bytes of state than the emulator does, before the RUN message. */
  readonly stateBytes: number;
  /** Setting up the migration takes this long before the first page is sent. */
  readonly setupNs: number;
  /** Starting the vCPUs at the destination takes this long. */
  readonly startNs: number;
  /** A vCPU goes on this long after the page of its demand fault has arrived. */
  readonly wakeNs: number;
  /** The program that handles demand faults is busy with each of them for this long, before it requests the page. */
  readonly faultHandlerNs: number;
  /** A demand fault takes this long when its page has arrived already and lies in a buffer. */
  readonly minorFaultNs: number;
  /** A vCPU leaves the guest for this long when its dirty ring is full. */
  readonly ringFullNs: number;
  /** Giving a page to the balloon takes this long, and so does taking it out again. */
  readonly balloonPageNs: number;
  /** A callback of memory pressure takes this long, apart from the pages that it gives back. */
  readonly pressureNs: number;
  /** Pseudo-paging takes a page away from its process in this time, while the guest stands still. */
  readonly pseudoPageNs: number;
  /** The guest sends a free block as a hint in this time, which it takes from a vCPU. */
  readonly hintBlockNs: number;
  /** The host removes the pages of a hinted block from what it has yet to send in this time, beside the sender. */
  readonly hintClearNs: number;
  /** A sender that has slept until its rate window ended goes on this much too late. */
  readonly windowLagNs: number;
  /** It is later still by this much for each byte that a window holds. */
  readonly windowLagNsPerByte: number;
  /** Whether a harvest waits until every vCPU has answered: a vCPU that sleeps for a throttle delays it. */
  readonly harvestWaitsForVcpus: boolean;
}

/** These are the costs of today's links and hosts, from the literature. */
const KVM: Costs = {
  // A write, with the loop around it, that misses the TLB and the last-level cache takes 100 ns.
  accessNs: 100,
  // cloud-hypervisor issue 8899 measures 260 ns of guest time for each page that is dirtied again.
  firstWriteNs: 260,
  // The same issue turns the bitmap of 64 GiB, 10 % of it dirty, into ranges in 12 ms.
  harvestNsPerGiB: 187_500,
  // On the threads runtime (`npm run bench`) 16 pages are encoded in 6.5 µs and installed in as much.
  encodeNs: 400,
  // Scan and check are part of encoding and installing.
  zeroPageNs: 0,
  installNs: 400,
  // The page hash runs at 23.5 GB/s (docs/benchmarks.md), which is 174 ns; a CRC-32C by the processor takes about as long.
  hashNs: 400,
  // QEMU's documentation measures 2 to 2.5 GB/s (docs/devel/migration, XBZRLE), which is 1.8 us for 4 KiB.
  xbzrleNs: 1800,
  // Measured of this program's own coder on pages of a real guest (docs/encodings.md); one in C takes less.
  wordsNs: 5600,
  // What QEMU's thread takes is not known; a page costs it a search in a bitmap, some calls and an entry in a list.
  handPageNs: 100,
  // The zero scan runs at memory bandwidth (docs/benchmarks.md), some 20 GB/s.
  scanNs: 200,
  channelCpus: Infinity,
  rawSendBytesPerSecond: Infinity,
  firstSendBytesPerSecond: Infinity,
  senderCpuNsPerByte: 0,
  kickNs: 50_000,
  stateNs: 500_000,
  stateBytes: 0,
  // Starting the dirty log takes 0.1 ms a GiB (cloud-hypervisor issue 8899, after its change); the rest is handshake.
  setupNs: 500_000,
  startNs: 200_000,
  wakeNs: 5000,
  // QEMU's fault thread takes some microseconds, which are in `wakeNs`; handlers of lazy restores take 70 us.
  faultHandlerNs: 0,
  // A page fault that finds its page takes 0.5 us on the host (lmbench), and twice that under nested paging.
  minorFaultNs: 1000,
  ringFullNs: 20_000,
  // Before the patch VIRTIO_BALLOON_F_SG, virtio-balloon took 7 GB in 4126 ms (linux-kernel, July 2017).
  balloonPageNs: 2200,
  // The cost of the callback itself is not known, so only the pages count.
  pressureNs: 0,
  // An exchange of machine frames in batches is assumed to cost as much as ballooning a page.
  pseudoPageNs: 2200,
  // Hints from blocks that are allocated one by one made the migration of an idle guest of 8 GiB, some 1850 free blocks,
  // take 409 ms, and hints from the list of free pages 284 ms (W. Wang, linux-mm, versions 36 and 34 of the patches).
  hintBlockNs: 68_000,
  // The 1024 bits of a block of 4 MiB take as long as they do in a harvest.
  hintClearNs: 730,
  windowLagNs: 0,
  windowLagNsPerByte: 0,
  harvestWaitsForVcpus: false,
};

/** These are the costs of QEMU with TCG, fitted to runs measured on a host of two shared cores (docs/validate.md). */
const QEMU_TCG: Costs = {
  ...KVM,
  accessNs: 150,
  firstWriteNs: 0,
  harvestNsPerGiB: 400_000,
  encodeNs: 0,
  // A guest of 3 GiB of zeros takes some 0.5 us a page in all, and scattered ones up to 7 us (docs/validate.md).
  zeroPageNs: 500,
  // A run whose cache was half its working set compared 499 300 pages in 103 harvests of 243 ms, of which raw pages took 216.
  xbzrleNs: 4500,
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

/** An ideal machine, on which only the link takes time; it is for comparing algorithms. */
const NONE: Costs = {
  ...KVM,
  accessNs: 1,
  firstWriteNs: 0,
  harvestNsPerGiB: 0,
  encodeNs: 0,
  installNs: 0,
  hashNs: 0,
  compressNs: 0,
  decompressNs: 0,
  wordsNs: 0,
  handPageNs: 0,
  scanNs: 0,
  kickNs: 0,
  stateNs: 0,
  setupNs: 0,
  startNs: 0,
  wakeNs: 0,
  minorFaultNs: 0,
  ringFullNs: 0,
  balloonPageNs: 0,
  pseudoPageNs: 0,
  hintBlockNs: 0,
  hintClearNs: 0,
};

/** The cost profiles that scenarios choose by name (`costs.profile`). */
export const COST_PROFILES = { kvm: KVM, 'qemu-tcg': QEMU_TCG, none: NONE } as const;
export type CostProfile = keyof typeof COST_PROFILES;
