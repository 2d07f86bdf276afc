import { below, type Descriptions } from '../scenario/descriptions.ts';

/**
 * This module says what each field of a run's result means, for the reference (docs/reference/result.md). A test keeps it
 * as long as the schema.
 */

const LATENCIES: Descriptions = {
  '.mean': 'their mean.',
  '.p50': 'their median.',
  '.p90': 'their 90th percentile.',
  '.p99': 'their 99th percentile.',
  '.max': 'the longest one.',
};

const RANGE: Descriptions = { '.low': 'at least this.', '.high': 'at most this.' };

const PREDICTION: Descriptions = {
  '.totalTimeMs': 'the predicted total time.',
  '.downtimeMs': 'the predicted downtime.',
  '.rounds': 'the predicted number of live rounds.',
};

const HOST: Descriptions = {
  host: 'the machine that ran it; only with runtime threads.',
  'host.node': 'the version of Node.',
  'host.platform': 'the operating system and the architecture.',
  'host.cpuModel': 'the name of its CPU.',
  'host.cpus': 'how many logical CPUs it has.',
  'host.memoryBytes': 'how much memory it has.',
};

const DOWNTIME_PARTS: Descriptions = {
  downtimeParts: 'the parts of the downtime, which add up to downtimeMs.',
  'downtimeParts.pauseMs': 'until all vCPUs stand still.',
  'downtimeParts.lastHarvestMs': 'until the last marks are taken out of the dirty log.',
  'downtimeParts.lastPagesMs': 'until the last page is installed at the destination.',
  'downtimeParts.stateMs': 'until the state of vCPUs and devices is loaded.',
  'downtimeParts.handoverMs':
    'until all vCPUs run at the destination, with the wait for backends of devices.',
};

const RAM: Descriptions = {
  ram: "the guest's memory, in QEMU's names where it has one.",
  'ram.transferred':
    'bytes of page frames with their headers: precopyBytes, downtimeBytes and postcopyBytes together.',
  'ram.precopyBytes': 'the part that was sent while the guest ran at the source.',
  'ram.downtimeBytes': 'the part that was sent while the guest stood still.',
  'ram.postcopyBytes': 'the part that was sent after the guest had begun at the destination.',
  'ram.total': "bytes of the guest's memory.",
  'ram.remaining':
    'bytes that had yet to be sent at the end; what the guest has given back is not among them.',
  'ram.released':
    'pages that the guest had given back: they are not sent and read zero; absent: it gave none back.',
  'ram.hinted': 'pages that the guest hinted as free; absent without migration.freePageHints.',
  'ram.hintSkipped':
    'those of them that had yet to be sent and were skipped; one that the guest uses again is sent after all.',
  'ram.normal': 'pages sent raw.',
  'ram.duplicate': 'pages sent as zero pages.',
  'ram.deduplicated':
    'pages sent as references to equal pages at the destination; absent without the encoding reference.',
  'ram.xbzrle': 'what the encoding xbzrle did; absent without it.',
  'ram.xbzrle.cacheBytes': 'the size of its cache.',
  'ram.xbzrle.pages': 'pages that were found in the cache, however they were sent then.',
  'ram.xbzrle.bytes':
    'what they took: three bytes and the differences, nothing if there are none, the page if it overflowed.',
  'ram.xbzrle.cacheMisses': 'pages that were looked for and not found, so that they were sent raw.',
  'ram.xbzrle.cacheMissRate': 'cacheMisses ÷ all that were looked for; absent if none were.',
  'ram.xbzrle.encodingRate': 'how many times smaller the pages that were found became.',
  'ram.xbzrle.overflow': 'pages of which the differences would have taken as much as the page.',
  'ram.compressed':
    'pages sent compressed, or as their words; absent without an encoding that compresses pages.',
  'ram.compression': 'what compression did; absent without an encoding that compresses pages.',
  'ram.compression.method': 'zlib, lz4 or zstd.',
  'ram.compression.pages': 'pages that were sent compressed by it.',
  'ram.compression.compressedSize': 'the bytes of their blocks.',
  'ram.compression.compressionRate':
    'how many times smaller these pages became; absent if there were none.',
  'ram.compression.incompressible':
    'pages that were compressed in vain, and so sent raw: their block did not save a sixteenth.',
  'ram.compression.skipped':
    'pages that were sent raw untried, after pages that were compressed in vain.',
  'ram.encodings':
    'what the pages of each encoding took; absent without an encoding that compresses pages.',
  'ram.encodings[].encoding':
    'raw, zero, xbzrle, same (as it was sent last), zlib, lz4, zstd, and of mecom sparse (what is not zero) and words.',
  'ram.encodings[].pages': 'pages that were sent so.',
  'ram.encodings[].bytes': 'what they took, without the heads of frames.',
  'ram.encodings[].cpuMs':
    'how long the source worked on them; for raw it includes what cannot be told apart; absent if nothing was measured.',
  'ram.referenceBytes':
    'bytes of the frames of references, which are part of transferred; absent without that encoding.',
  'ram.referenceMisses':
    'references whose page was not there, or had changed, so that the page itself was sent; absent without that encoding.',
  'ram.multifdBytes': 'bytes of the frames of the channels; absent without migration.channels.',
  'ram.dropped':
    'post-copy: pages that came when they were there already; absent without post-copy.',
  'ram.dirtySyncCount': 'harvests of the dirty log.',
  'ram.postcopyRequests':
    'post-copy: requests that the source has received; absent without post-copy.',
  'ram.pageSize': 'bytes of a page.',
};

const DEVICES: Descriptions = {
  devices: 'the devices of the guest; absent when it has none.',
  'devices.transferred': 'bytes of their frames, which ram leaves out.',
  'devices.precopyBytes': 'the part that was sent while the guest ran.',
  'devices.downtimeBytes': 'the part that was sent while the guest stood still.',
  'devices.switchoverAckMs':
    "from the migration's start until the destination had loaded all initial bytes; only with switchoverAck.",
  'devices.parts': 'one entry for each device, in the order in which they are saved.',
  'devices.parts[].kind': 'its kind.',
  'devices.parts[].saveMs': 'how long the source took to save its state.',
  'devices.parts[].loadInitialMs': 'how long the destination took to load its initial bytes.',
  'devices.parts[].loadMs': 'how long the destination took to load its state.',
  'devices.parts[].reconnectMs': 'how long it took until its backend served it again.',
  'devices.parts[].bytes': 'bytes of its state that were sent while the guest stood still.',
  'devices.parts[].precopyBytes': 'bytes of it that were sent while the guest ran.',
};

const MODELS: Descriptions = {
  models:
    'what closed formulas predict for a completed pre-copy, from the dirty rate of its first round.',
  'models.dirtyPagesPerSecond': 'that dirty rate.',
  'models.bounds': 'the bounds of Akoush et al. 2010.',
  'models.bounds.totalTimeMs': 'the bounds of the total time.',
  ...below('models.bounds.totalTimeMs', RANGE),
  'models.bounds.downtimeMs': 'the bounds of the downtime.',
  ...below('models.bounds.downtimeMs', RANGE),
  'models.geometric':
    'the geometric series of Liu et al. 2011; absent when the guest dirties faster than the link sends.',
  ...below('models.geometric', PREDICTION),
  'models.average': 'the model AVG of Akoush et al. 2010.',
  ...below('models.average', PREDICTION),
  'models.history':
    'their model HIST, from the pages that the same guest dirties without a migration; only of virtual runs of guests of at most 4 GiB, and not in sweeps.',
  ...below('models.history', PREDICTION),
};

const ROUNDS: Descriptions = {
  rounds: 'one entry for each pass over the pages.',
  'rounds[].index': 'its number, from 1.',
  'rounds[].stopped': 'true for the last set, which is sent while the guest stands still.',
  'rounds[].startMs': "when it began, from the migration's start.",
  'rounds[].durationMs': 'how long it took.',
  'rounds[].pages': 'pages that it sent.',
  'rounds[].zeroPages': 'those of them that were zero.',
  'rounds[].skippedPages': 'pages that it left for a later round, as they were dirty again.',
  'rounds[].bytes': 'bytes of its page frames with their headers.',
  'rounds[].dirtiedPages': 'pages that the harvest at its end found dirty.',
  'rounds[].dirtyPagesPerSecond': 'how fast the guest dirtied pages meanwhile.',
  'rounds[].bandwidthBytesPerSecond': 'how fast pages were sent.',
  'rounds[].expectedDowntimeMs': 'the downtime that the policy expected at its end.',
  'rounds[].throttle':
    'the largest share of its time that a vCPU was held back; absent when none was.',
};

const CHANNELS: Descriptions = {
  channels: 'what the channels carried; absent without migration.channels.',
  'channels.flushes': 'how often all of them were brought to one point of the stream.',
  'channels.each': 'one entry for each channel.',
  'channels.each[].frames': 'frames that it carried.',
  'channels.each[].bytes': 'bytes of these frames.',
  'channels.each[].pages': 'pages that it carried.',
  'channels.each[].busyMs': 'how long its sender read, encoded and wrote pages.',
};

const PAUSES: Descriptions = {
  postcopyPauses:
    'when post-copy stood still without a connection (QEMU: postcopy-paused); absent: never.',
  'postcopyPauses[].startMs': "when it lost its connection, from the migration's start.",
  'postcopyPauses[].durationMs': 'until pages are pushed again, or the migration ends.',
  'postcopyPauses[].recoverMs':
    'the last part of that time, in which the destination says what it has; absent when no new connection came.',
  'postcopyPauses[].resentPages':
    'pages that were lost on the way; absent when no new connection came.',
};

const PAGES: Descriptions = {
  pages:
    'which pages were sent how often, and dirtied when; only with migration.recordPages (docs/pages.md).',
  'pages.binPages': 'consecutive gfns of a bin, a power of two; the last bin may have fewer.',
  'pages.bins': 'the number of bins.',
  'pages.columns': 'one entry for each round or several, the stop, and each stretch of post-copy.',
  'pages.columns[].kind': 'live rounds, the last set, or post-copy.',
  'pages.columns[].firstRound': 'its first round; absent in post-copy.',
  'pages.columns[].lastRound': 'its last round; absent in post-copy.',
  'pages.columns[].startMs': "when it began, from the migration's start.",
  'pages.columns[].durationMs': 'how long it took.',
  'pages.cells': 'tables of a count for each column and bin, encoded (docs/pages.md).',
  'pages.cells.sent': 'pages that were sent.',
  'pages.cells.zero': 'those of them that were zero.',
  'pages.cells.dirtied': "pages that the harvest at the column's end found dirty.",
  'pages.cells.requested': 'pages that faults asked for; absent without post-copy.',
  'pages.sentTimes': 'how many pages were sent n times: entry n, from 0 on.',
  'pages.dirtiedTimes': 'how many pages n harvests found dirty: entry n, from 0 on.',
  'pages.sentAgain': 'what was sent again after its first time.',
  'pages.sentAgain.times': 'how often a page was sent again, all together.',
  'pages.sentAgain.pages': 'pages that were sent again.',
  'pages.sentAgain.hotPages': 'the fewest pages that make up hotShare of these times.',
  'pages.sentAgain.hotShare': 'that share.',
  'pages.hottest':
    'the ranges in which pages were sent again more often than on average, the most times first; at most eight.',
  'pages.hottest[].firstGfn': 'the first page of the range.',
  'pages.hottest[].pages': 'the pages of the range.',
  'pages.hottest[].sentAgainTimes': 'how often its pages were sent again, all together.',
};

const FAULTS: Descriptions = {
  faults: 'demand faults at the destination; absent without post-copy.',
  'faults.count': 'accesses that had to wait for their page.',
  'faults.majorCount':
    'those that sent a request; the others waited for a page that another vCPU had requested.',
  'faults.minorCount':
    'with pseudo-paging: pages that had come already when they were first touched.',
  'faults.latencyUs':
    'from the access until the vCPU goes on, in microseconds; absent when there were no faults.',
  ...below('faults.latencyUs', LATENCIES),
  'faults.requestLatencyUs': 'the same, measured from the request on.',
  ...below('faults.requestLatencyUs', LATENCIES),
  'faults.latencyDist':
    'faults by latency in 24 buckets: the first is below 2 us, and each next one is twice as wide (QEMU: postcopy-latency-dist).',
  'faults.blockedMs': 'how long vCPUs waited for pages, all together.',
  'faults.vcpuBlockedMs': 'how long each vCPU waited.',
};

const GUEST: Descriptions = {
  guest: 'what the guest did.',
  'guest.accessesBefore': 'page accesses before the migration.',
  'guest.accessesDuring': 'page accesses during the migration.',
  'guest.accessesAfter': 'page accesses after the migration.',
  'guest.achievedRate':
    'page accesses a second of each workload before the migration; absent when it began at once.',
  'guest.memoryManager': 'what its memory manager did; absent when it has none.',
  'guest.memoryManager.inflatedPages': 'pages that its balloon took.',
  'guest.memoryManager.deflatedPages': 'pages that its balloon gave back.',
  'guest.memoryManager.pressureCallbacks': 'callbacks of memory pressure.',
  'guest.memoryManager.cacheDroppedPages': 'pages of page cache that were dropped.',
  'guest.memoryManager.cacheMisses': 'accesses to page cache that had been dropped.',
  'guest.dirtyVectors':
    'how well workloads of pattern dirty-vector fit what was asked for; absent without any.',
  'guest.dirtyVectors[].workload': 'the index of the workload.',
  'guest.dirtyVectors[].points': 'one entry for each point of the vector.',
  'guest.dirtyVectors[].points[].afterMs': 'the time of the point.',
  'guest.dirtyVectors[].points[].pages': 'the distinct dirty pages that were asked for.',
  'guest.dirtyVectors[].points[].fittedPages': 'the distinct dirty pages of the fit.',
  'guest.dirtyVectors[].worstError':
    'the largest difference between these, as a share of what was asked for.',
  'guest.dirtyRings': 'the ring of each vCPU; absent unless the dirty log is ring.',
  'guest.dirtyRings[].entries': 'entries that were written to it.',
  'guest.dirtyRings[].stalls': 'how often it was full.',
  'guest.timeline': "the guest's speed over time, from the start of its life on.",
  'guest.timeline.periodMs': 'the length of a period.',
  'guest.timeline.accessesPerSecond': 'page accesses a second in each period.',
};

const REST: Descriptions = {
  link: 'the link from source to destination.',
  'link.bytes': 'bytes of all frames to the destination.',
  'link.achievedBytesPerSecond':
    'bytes of these frames a second, from the first page until the end.',
  connection:
    'the connection to the process that received the guest; absent when the run was in one process.',
  'connection.id': 'the number of the migration, which both processes know.',
  'connection.to': 'the address of the receiver.',
  'connection.transport': 'the kind of socket.',
  'connection.security': 'how the two processes made sure of one another.',
  'connection.roundTripMs': 'the shortest round trip when the clocks were compared.',
  'connection.clockErrorMs': 'by how much the clocks may differ at most: half of the round trip.',
  'connection.downtimeClocks': 'on which clock each part of the downtime was measured.',
  'connection.downtimeClocks.pauseMs': 'on one clock.',
  'connection.downtimeClocks.lastHarvestMs': 'on one clock.',
  'connection.downtimeClocks.lastPagesMs':
    'begins on one clock and ends on the other, so that it may be wrong by clockErrorMs.',
  'connection.downtimeClocks.stateMs': 'on one clock.',
  'connection.downtimeClocks.handoverMs': 'on one clock.',
  'connection.lost': 'why the connection ended before the run did; absent if it did not.',
  'connection.runsAtSource':
    "whether the guest's vCPUs ran at the sender when the run ended, as they say themselves.",
  'connection.losses': 'the times without a connection; absent if there were none.',
  'connection.losses[].reason': 'how the connection was lost.',
  'connection.losses[].startMs': "when it was lost, from the migration's start.",
  'connection.losses[].durationMs':
    'how long it took until another one stood in its place; absent if none did.',
  'connection.losses[].sentAgain':
    'messages and frames that went over the new connection once more.',
  disturbance: 'what the scheduler of the machine did to the run; absent in runtime virtual.',
  'disturbance.maxLagMs': 'by how much a vCPU was late at most.',
  'disturbance.involuntarySwitches': 'involuntary context switches.',
  'disturbance.runnableThreads': 'threads of the run that want a CPU: vCPUs and the two engines.',
  'disturbance.cpus': 'CPUs of the machine.',
  verify: 'the proof; absent when nobody knows who runs the guest, or when it was given up.',
  'verify.kind': 'as the scenario says; with off there is nothing else.',
  'verify.replayedBy': 'who replayed the accesses: the TypeScript twin or the WASM kernel.',
  'verify.pagesCompared': 'pages that were compared.',
  'verify.bytesCompared': 'bytes that were compared.',
  'verify.differingPages': 'pages that differ.',
  'verify.readsChecked': 'reads whose checksums were compared.',
  'verify.durationMs': 'how long the proof took; only with runtime threads.',
  'verify.ok': 'whether nothing differs.',
  'verify.firstDifference': 'the first byte that differs; absent when none does.',
  'verify.firstDifference.gfn': 'its page.',
  'verify.firstDifference.offset': 'its place in the page.',
  'verify.firstDifference.expected': 'the value that it should have.',
  'verify.firstDifference.found': 'the value that it has.',
  'verify.problems': 'sentences about all else that is wrong, such as a checksum of reads.',
};

/** The fields of `pageferry/run@1`. */
export const RESULT_DESCRIPTIONS: Descriptions = {
  schema: 'the name and the version of this format.',
  version: 'the version of the program.',
  scenario: 'the scenario with every default filled in; it can be run again as it is.',
  ...HOST,
  runtime: 'as the scenario says; processes when the guest was sent to another process.',
  clock: 'the clock on which times were measured; that of the sender between two processes.',
  outcome:
    'cancelled: by a person; diverged: the timeout passed or the policy gave up; failed: the error says why.',
  guestLost: 'true when nobody knows who runs the guest, or when its pages can not come any more.',
  error:
    'why the migration did not complete, with the figures and the keys that would have helped.',
  warnings:
    'sentences about what makes the guest differ from the one that its scenario stands for; absent when there are none.',
  prepareMs:
    'how long it took to fill memory, start threads and rehearse, which is no part of the migration; only with runtime threads.',
  totalTimeMs:
    "from the migration's start until the guest runs at the destination and all its pages are there.",
  wallTimeMs:
    'totalTimeMs and what migration.around says that the manager does before and after; absent without that key.',
  setupTimeMs: "from the migration's start until the first page is sent.",
  downtimeMs: 'from asking the vCPUs to pause until the last one runs at the destination.',
  blackoutMs: 'the largest gap over the switchover that a vCPU itself saw.',
  resumeTimeMs:
    "post-copy: from the guest's first instruction at the destination until its last page is there.",
  ...DOWNTIME_PARTS,
  outageMs:
    'until the last device is served again, from asking the vCPUs to pause; absent without devices.',
  queuedAtPauseMs:
    'how long pages that were sent before the pause kept the link busy after it; part of lastPagesMs.',
  ...RAM,
  ...DEVICES,
  ...MODELS,
  ...ROUNDS,
  ...CHANNELS,
  ...PAUSES,
  ...PAGES,
  ...FAULTS,
  ...GUEST,
  ...REST,
};
