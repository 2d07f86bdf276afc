import { FairShares, MOST_HOPS } from './fair-shares.ts';
import { freePlace, KIND, NetworkWords, type SharedNetwork } from './network-words.ts';

export { createNetwork, type LinkSpec, type SharedNetwork } from './network-words.ts';

/**
 * One sender's traffic over a path of links. It has a share of them only between `start` and `rest`. One
 * thread at a time uses a flow; `close` belongs to the thread that opens flows.
 */
export interface Flow {
  /** Tells that the sender has something to send. */
  start(): void;
  /** Tells that the sender has nothing to send; its share goes to the other flows. */
  rest(): void;
  /** Sets the most that the sender uses, in bytes a second, more than 0; Infinity means all it can get. */
  limit(bytesPerSecond: number): void;
  /** Returns its max-min fair share in bytes a second, never above its limit; 0 while it rests. */
  rate(): number;
  /**
   * Returns the rate at which a frame of it leaves, in bytes a second. It is the fair share or, if only
   * its own limit holds the flow back, the share and what no flow uses on its path. As on a real
   * network, a sender keeps to its limit by pauses between frames; the limit does not slow a frame.
   */
  frameRate(): number;
  /** Closes the flow and frees its place; any later call throws RangeError. */
  close(): void;
}

/**
 * Links that flows share. Every thread has an object of its own over the same shared words and computes
 * the shares by itself whenever a flow has changed; the same words give the same shares.
 */
export class Network {
  readonly #words: NetworkWords;
  readonly #shares: FairShares;
  /** The places of the flows that were sending when the shares were computed last. */
  readonly #places: Int32Array;
  readonly #rates: Float64Array;
  readonly #frameRates: Float64Array;
  #sending = 0;
  #version: number | undefined;

  constructor(shared: SharedNetwork) {
    this.#words = new NetworkWords(shared);
    const { links, mostFlows } = shared;
    this.#shares = new FairShares(
      links.map((link) => link.bytesPerSecond),
      mostFlows,
    );
    this.#places = new Int32Array(mostFlows);
    this.#rates = new Float64Array(mostFlows);
    this.#frameRates = new Float64Array(mostFlows);
  }

  /**
   * Opens a resting flow over links, given by their indices, each at most once; a flow over no link is
   * held back by its limit alone. Returns an id, from which `flow` makes the flow in any thread. Only one
   * thread may open flows. Throws RangeError if a link is unknown or named twice, the path is too long,
   * or no place is free.
   */
  openFlow(path: readonly number[]): number {
    const { links } = this.#words.shared;
    if (path.length > MOST_HOPS)
      throw new RangeError(`a path has at most ${MOST_HOPS} links, this one has ${path.length}`);
    path.forEach((link, hop) => {
      if (!links[link]) throw new RangeError(`there is no link ${link}; there are ${links.length}`);
      if (path.indexOf(link) !== hop)
        throw new RangeError(`the path goes over the link "${links[link].name}" twice`);
    });
    return this.#words.open(freePlace(this.#words), path);
  }

  /** Returns the flow with this id. Throws RangeError if it is not open. */
  flow(id: number): Flow {
    return new SharedFlow(this, this.#words, id);
  }

  /** Returns the fair share of every flow, in bytes a second; that of flow `id` is at `id % mostFlows`. */
  allocate(): Float64Array {
    if (this.#words.version() !== this.#version) this.#computeShares();
    return this.#rates;
  }

  /** Returns the rates at which the frames of every flow leave, at the same places. */
  allocateFrames(): Float64Array {
    this.allocate();
    return this.#frameRates;
  }

  #computeShares(): void {
    const shares = this.#shares;
    for (let i = 0; i < this.#sending; i++) {
      this.#rates[this.#places[i]!] = 0;
      this.#frameRates[this.#places[i]!] = 0;
    }
    this.#gather();
    shares.fill();
    for (let i = 0; i < this.#sending; i++) {
      this.#rates[this.#places[i]!] = shares.rates[i]!;
      this.#frameRates[this.#places[i]!] = shares.frameRate(i);
    }
  }

  /** Copies the flows that send, again if another thread has changed one meanwhile. */
  #gather(): void {
    const words = this.#words;
    do {
      this.#version = words.version();
      this.#shares.clear();
      this.#sending = 0;
      const used = words.used();
      for (let place = 0; place < used; place++) {
        if (words.kind(place) !== KIND.sending) continue;
        this.#places[this.#sending++] = place;
        this.#shares.add(words.limits[place]!, words.words, words.pathAt(place), words.hops(place));
      }
    } while (words.version() !== this.#version);
  }
}

class SharedFlow implements Flow {
  readonly #network: Network;
  readonly #words: NetworkWords;
  readonly #id: number;
  readonly #place: number;

  constructor(network: Network, words: NetworkWords, id: number) {
    this.#network = network;
    this.#words = words;
    this.#id = id;
    this.#place = words.placeOf(id);
    words.check(id);
  }

  start(): void {
    this.#words.turn(this.#id, KIND.resting, KIND.sending);
  }

  rest(): void {
    this.#words.turn(this.#id, KIND.sending, KIND.resting);
  }

  limit(bytesPerSecond: number): void {
    if (!(bytesPerSecond > 0))
      throw new RangeError(`a flow's limit is more than 0 bytes a second, not ${bytesPerSecond}`);
    this.#words.limit(this.#id, bytesPerSecond);
  }

  rate(): number {
    this.#words.check(this.#id);
    return this.#network.allocate()[this.#place]!;
  }

  frameRate(): number {
    this.#words.check(this.#id);
    return this.#network.allocateFrames()[this.#place]!;
  }

  close(): void {
    this.#words.close(this.#id);
  }
}
