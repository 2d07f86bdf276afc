/**
 * The words through which an engine and the numbered writers of a guest coordinate. They have 32 bits, and only
 * sequentially consistent atomics access them. Writer 0 is the host side (balloon, swap-in, devices), which is parked
 * except inside a write; writer 1 + v is vCPU v.
 *
 *   0  epoch      the engine increments it to have every writer change to its other dirty map
 *   1  mode       0: dirty log off, 1: on; stored before the epoch with which it takes effect
 *   2  pause      1: writers must park
 *   3  stop       1: writers must end
 *   4  run        counts the resumes
 *   5  gate       a bit for each layer of the page gate that is on; 0: vCPUs don't read gates
 *   6  doorbell   the engine's doorbell, two words
 *   8  stun       a process that has had so many write faults waits; 0: none does
 *   9  release    1: vCPUs give their free pages back to the host, 2: their page cache as well
 *  10  balloon    counts the times that a vCPU has given pages back
 *  11  touched    counts the first accesses to pages that the guest's host samples
 *  12  target     the pages that the guest's host wants its balloon to have
 *  13  hints      the command of free-page hinting: HINT_STOP, HINT_DONE, or an id of HINT_FIRST_ID or more
 *  14  hint ids   counts the ids that have been given out, over all migrations
 *
 * From word 16 + 16w on come those of writer w:
 *
 *   0  state         RUNNING or PARKED
 *   1  acknowledged  the epoch that the writer has taken over
 *   2  wake          the writer sleeps on it; whoever wakes the writer increments it
 *   3  throttle      the share of its time that is taken from the writer, times 1000
 *   4  run seen      the value of `run` after which the writer has reported that it runs
 *   5  wanted        1 + the guest's gfn of the absent page that the writer waits for; 0: it waits for none
 *   6  released      the value of `release` with which the writer has complied
 *   7  request       what the writer asks of its overcommitted host (host-requests.ts); 0: nothing, or it is answered
 *   8  request gfn   the first page of the request
 *   9  request pages how many pages the request is about
 *  10  answer        the answer to the last request
 *  11  balloon pages how many pages the writer's part of the balloon has
 *  12  asleep        1: the writer sleeps on `wanted`, or is about to; whoever grants its page wakes it only then
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
export const TOUCHED = 11;
export const BALLOON_TARGET = 12;
export const HINTS = 13;
export const HINT_IDS = 14;

/** Bits of the word `gate`, for the layers whose pages are absent, protected, shared, swapped out and sampled. */
export const GATE_PRESENCE = 1;
export const GATE_PROTECTION = 2;
export const GATE_SHARING = 4;
export const GATE_SWAP = 8;
export const GATE_SAMPLING = 16;

/**
 * Commands of free-page hinting. An id asks the guest for hints, STOP has it pause, and with DONE it may use again what
 * it has hinted. The numbers are those of virtio (1.2, section 5.5.6.7: VIRTIO_BALLOON_CMD_ID_STOP and _DONE).
 */
export const HINT_STOP = 0;
export const HINT_DONE = 1;
export const HINT_FIRST_ID = 2;

const FIRST_WRITER = 16;
/** Each writer's words fill a cache line, so that writers don't slow one another down. */
const WRITER_STRIDE = 16;

export const RUNNING = 0;
/** The writer waits for something; it counts as having acknowledged every epoch. */
export const PARKED = 1;

/** Each of these returns the index of one of a writer's own words. */
export const stateOf = (writer: number): number => FIRST_WRITER + WRITER_STRIDE * writer;
export const acknowledgedOf = (writer: number): number => stateOf(writer) + 1;
export const wakeOf = (writer: number): number => stateOf(writer) + 2;
export const throttleOf = (writer: number): number => stateOf(writer) + 3;
export const runSeenOf = (writer: number): number => stateOf(writer) + 4;
export const wantedOf = (writer: number): number => stateOf(writer) + 5;
export const releasedOf = (writer: number): number => stateOf(writer) + 6;
export const requestOf = (writer: number): number => stateOf(writer) + 7;
export const requestGfnOf = (writer: number): number => stateOf(writer) + 8;
export const requestPagesOf = (writer: number): number => stateOf(writer) + 9;
export const answerOf = (writer: number): number => stateOf(writer) + 10;
export const balloonPagesOf = (writer: number): number => stateOf(writer) + 11;
export const asleepOf = (writer: number): number => stateOf(writer) + 12;

/** Returns the number of words for so many writers. */
export const handshakeWords = (writers: number): number => stateOf(writers);

/** Creates the words in their first state: every writer is parked, and nothing is asked for. */
export function createHandshake(writers: number): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(handshakeWords(writers) * 4);
  const words = new Int32Array(buffer);
  for (let writer = 0; writer < writers; writer++) words[stateOf(writer)] = PARKED;
  return buffer;
}
