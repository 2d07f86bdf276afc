/**
 * This module lays out the shared words through which the world tells the thread of a host what to do:
 *
 *   i32  0  begin: it is 1 when the guest is to run at this host from its start on
 *        1  over: it is 1 when all is over
 *        2  protect: 1 + the pair of hosts in which this host is to protect its guest
 *        3  back up: 1 + the pair of hosts whose backup this host is to be
 *        4  primary: the host that it backs up, which is stored before the pair
 *
 * Each word is written once for each order, and the world rings the host's doorbell after that.
 */
const BEGIN = 0;
const OVER = 1;
const PROTECT = 2;
const BACK_UP = 3;
const PRIMARY = 4;
const WORDS = 5;

/** What the world tells the thread of a host; any thread may have one of them. */
export class HostOrders {
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(buffer = new SharedArrayBuffer(4 * WORDS)) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  begin = (): void => void Atomics.store(this.#words, BEGIN, 1);
  end = (): void => void Atomics.store(this.#words, OVER, 1);
  isToBegin = (): boolean => Atomics.load(this.#words, BEGIN) !== 0;
  isOver = (): boolean => Atomics.load(this.#words, OVER) !== 0;

  protect(pair: number): void {
    Atomics.store(this.#words, PROTECT, pair + 1);
  }

  backUp(pair: number, primary: number): void {
    Atomics.store(this.#words, PRIMARY, primary);
    Atomics.store(this.#words, BACK_UP, pair + 1);
  }

  /** The pair in which this host is to protect its guest, the newest one; undefined before there is one. */
  get protectedPair(): number | undefined {
    const pair = Atomics.load(this.#words, PROTECT);
    return pair === 0 ? undefined : pair - 1;
  }

  /** The pair whose backup this host is to be, and the other host; undefined before it is to be one. */
  get backup(): { readonly pair: number; readonly primary: number } | undefined {
    const pair = Atomics.load(this.#words, BACK_UP);
    if (pair === 0) return undefined;
    return { pair: pair - 1, primary: Atomics.load(this.#words, PRIMARY) };
  }
}
