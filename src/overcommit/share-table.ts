/**
 * The hash table of content-based page sharing (Waldspurger, OSDI 2002, section 4.2), one for a host. It has a frame of
 * 16 bytes for each page that a scan has met: a **shared** frame for a machine page that several guest pages share,
 * with the number of its sharers; or a **hint** for a guest page whose contents nobody else was found to have. A hint
 * is not kept up to date: its page may have changed since.
 *
 *   word 0   high word of the page's 64-bit hash
 *   word 1   next frame of the chain
 *   word 2   shared: the machine page; hint: the gfn
 *   word 3   shared: SHARED and the number of sharers, 16 bits; hint: the guest's number
 *
 * The low word of the hash chooses the chain, so that a lookup compares 32 bits and those of the chain's number. The
 * contents are always compared before pages are shared. Counts of more than 16 bits lie in a table beside.
 */
export class ShareTable {
  readonly #frames: Int32Array;
  readonly #chains: Int32Array;
  readonly #mask: number;
  /** Counts that do not fit into 16 bits, by frame. The zero page is the usual case. */
  readonly #overflow = new Map<number, number>();
  /** The first of the frames that have been given up, linked by word 1; -1 when there is none. */
  #free = -1;
  /** The frames from here on have never been used. */
  #fresh = 0;
  /** The chain from which the next hint is taken when all frames are in use. */
  #hand = 0;
  #shared = 0;
  #hints = 0;

  /** Makes a table with so many frames, 2^28 at most. */
  constructor(frames: number) {
    this.#frames = new Int32Array(frames * FRAME_WORDS);
    const chains = 1 << Math.max(4, Math.floor(Math.log2(Math.max(1, frames))));
    this.#chains = new Int32Array(chains).fill(-1);
    this.#mask = chains - 1;
  }

  /** How many shared frames and hints it has. */
  get sharedFrames(): number {
    return this.#shared;
  }

  get hints(): number {
    return this.#hints;
  }

  /** The bytes that it takes for each frame, its part of the chains' heads included. */
  get bytesPerFrame(): number {
    return (
      (this.#frames.byteLength + this.#chains.byteLength) / (this.#frames.length / FRAME_WORDS)
    );
  }

  /** Returns the first frame with a hash, -1 when there is none. `next` goes on from it. */
  find(low: number, high: number): number {
    return this.#match(this.#chains[low & this.#mask]!, high);
  }

  /** Returns the next frame with the same hash after `frame`, -1 when there is none. */
  next(frame: number): number {
    return this.#match(
      this.#frames[frame * FRAME_WORDS + LINK]!,
      this.#frames[frame * FRAME_WORDS]!,
    );
  }

  #match(from: number, high: number): number {
    const word = high | 0;
    let frame = from;
    while (frame >= 0 && this.#frames[frame * FRAME_WORDS] !== word) {
      frame = this.#frames[frame * FRAME_WORDS + LINK]!;
    }
    return frame;
  }

  isShared(frame: number): boolean {
    return this.#frames[frame * FRAME_WORDS + TAG]! < 0;
  }

  /** The machine page of a shared frame. */
  machinePage(frame: number): number {
    return this.#frames[frame * FRAME_WORDS + PAGE]!;
  }

  /** The gfn of a hint, and the number of its guest. */
  hintGfn(frame: number): number {
    return this.#frames[frame * FRAME_WORDS + PAGE]!;
  }

  hintGuest(frame: number): number {
    return this.#frames[frame * FRAME_WORDS + TAG]!;
  }

  /** How many guest pages share a shared frame's machine page. */
  sharers(frame: number): number {
    return this.#overflow.get(frame) ?? this.#frames[frame * FRAME_WORDS + TAG]! & MOST_SHORT;
  }

  /** Changes the number of sharers of a shared frame by +1 or −1. A frame without sharers must be removed. */
  countSharer(frame: number, by: 1 | -1): void {
    const count = this.sharers(frame) + by;
    if (count > MOST_SHORT) this.#overflow.set(frame, count);
    else {
      this.#overflow.delete(frame);
      this.#frames[frame * FRAME_WORDS + TAG] = SHARED | count;
    }
  }

  /** Adds a hint for a guest's page. When all frames are in use, another hint gives way; false when there is none. */
  addHint(low: number, high: number, guest: number, gfn: number): boolean {
    return this.#add(low, high, gfn, guest) >= 0;
  }

  /** Makes a shared frame, with one sharer, for a machine page; returns it, or -1 when the table is full. */
  addShared(low: number, high: number, machinePage: number): number {
    return this.#add(low, high, machinePage, SHARED | 1);
  }

  /** Removes a frame whose hash has this low word. */
  remove(frame: number, low: number): void {
    this.#removeFrom(frame, low & this.#mask);
  }

  /** Returns the shared frame of a machine page whose hash is given, -1 when the table has none. */
  frameOf(low: number, high: number, machinePage: number): number {
    let frame = this.find(low, high);
    while (frame >= 0 && !(this.isShared(frame) && this.machinePage(frame) === machinePage)) {
      frame = this.next(frame);
    }
    return frame;
  }

  /** Calls `take` with the machine page of every shared frame and the number of its sharers. */
  eachShared(take: (machinePage: number, sharers: number) => void): void {
    for (const head of this.#chains) {
      for (let frame = head; frame >= 0; frame = this.#frames[frame * FRAME_WORDS + LINK]!) {
        if (this.isShared(frame)) take(this.machinePage(frame), this.sharers(frame));
      }
    }
  }

  #add(low: number, high: number, page: number, tag: number): number {
    const frame = this.#take();
    if (frame < 0) return -1;
    const chain = low & this.#mask;
    const at = frame * FRAME_WORDS;
    this.#frames[at] = high;
    this.#frames[at + LINK] = this.#chains[chain]!;
    this.#frames[at + PAGE] = page;
    this.#frames[at + TAG] = tag;
    this.#chains[chain] = frame;
    if (tag < 0) this.#shared++;
    else this.#hints++;
    return frame;
  }

  #take(): number {
    if (this.#free >= 0) {
      const frame = this.#free;
      this.#free = this.#frames[frame * FRAME_WORDS + LINK]!;
      return frame;
    }
    if (this.#fresh < this.#frames.length / FRAME_WORDS) return this.#fresh++;
    if (this.#hints === 0) return -1;
    this.#dropHint();
    return this.#take();
  }

  /** Removes the next hint in the order of chains. */
  #dropHint(): void {
    for (;;) {
      const chain = this.#hand;
      let frame = this.#chains[chain]!;
      while (frame >= 0 && this.isShared(frame)) frame = this.#frames[frame * FRAME_WORDS + LINK]!;
      if (frame >= 0) {
        this.#removeFrom(frame, chain);
        return;
      }
      this.#hand = (this.#hand + 1) & this.#mask;
    }
  }

  #removeFrom(frame: number, chain: number): void {
    const at = frame * FRAME_WORDS;
    const next = this.#frames[at + LINK]!;
    let before = this.#chains[chain]!;
    if (before === frame) this.#chains[chain] = next;
    else {
      while (this.#frames[before * FRAME_WORDS + LINK] !== frame) {
        if (before < 0) throw new Error(`frame ${frame} of the sharing table is not in its chain`);
        before = this.#frames[before * FRAME_WORDS + LINK]!;
      }
      this.#frames[before * FRAME_WORDS + LINK] = next;
    }
    if (this.isShared(frame)) this.#shared--;
    else this.#hints--;
    this.#overflow.delete(frame);
    this.#frames[at + LINK] = this.#free;
    this.#free = frame;
  }
}

const FRAME_WORDS = 4;
const LINK = 1;
const PAGE = 2;
const TAG = 3;
/** The sign bit of a tag tells shared frames from hints. */
const SHARED = -2147483648;
const MOST_SHORT = 0xffff;
