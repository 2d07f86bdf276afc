/**
 * The words through which an engine and the numbered writers of a host agree: 32-bit, only ever
 * touched with sequentially consistent atomics. Writer 0 is the host side (balloon, swap-in,
 * devices: parked except inside a write), then come the vCPUs.
 *
 *   0  epoch      bumped by the engine to flip every writer's dirty maps
 *   1  mode       0: dirty log off, 1: on; stored before the epoch that brings it
 *   2  pause      1: writers must park
 *   3  stop       1: writers must leave for good
 *   4  run        counts the resumes
 *   5  gate       a bit for each layer of the page gate that is on; 0: vCPUs touch without a look
 *   6  doorbell   the engine's, two words
 *   8  stun       a process that has so many write faults waits; 0: none does
 *   9  release    1: vCPUs give their free pages back to the host, 2: their page cache as well
 *  10  balloon    counts the times that a vCPU has given pages back
 *  16+16w         state, acknowledged epoch, wake-up word, throttle (share × 1000), run seen,
 *                 wanted: guest gfn + 1 of the absent page that the writer waits for, 0 for none;
 *                 released: the value of `release` that the writer has done
 */
export const EPOCH = 0;
export const MODE = 1;
export const PAUSE = 2;
export const STOP = 3;
export const RUN = 4;
export const GATE = 5;
export const DOORBELL = 6;
export const STUN = 8;
export const RELEASE = 9;
export const BALLOON = 10;

/** Layers of the page gate: pages are absent, protected, shared, swapped out. */
export const GATE_PRESENCE = 1;
export const GATE_PROTECTION = 2;
export const GATE_SHARING = 4;
export const GATE_SWAP = 8;

const FIRST_WRITER = 16;
/** A cache line each, so that writers don't disturb one another. */
const WRITER_STRIDE = 16;

export const RUNNING = 0;
/** In any wait: counts as having acknowledged everything. */
export const PARKED = 1;

export const stateOf = (writer: number): number => FIRST_WRITER + WRITER_STRIDE * writer;
export const acknowledgedOf = (writer: number): number => stateOf(writer) + 1;
export const wakeOf = (writer: number): number => stateOf(writer) + 2;
export const throttleOf = (writer: number): number => stateOf(writer) + 3;
export const runSeenOf = (writer: number): number => stateOf(writer) + 4;
export const wantedOf = (writer: number): number => stateOf(writer) + 5;
export const releasedOf = (writer: number): number => stateOf(writer) + 6;

export const handshakeWords = (writers: number): number => stateOf(writers);

/** Fresh words: every writer parked, nothing asked for. */
export function createHandshake(writers: number): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(handshakeWords(writers) * 4);
  const words = new Int32Array(buffer);
  for (let writer = 0; writer < writers; writer++) words[stateOf(writer)] = PARKED;
  return buffer;
}
