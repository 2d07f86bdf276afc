import { FairShares, MOST_HOPS } from './fair-shares.ts';
import { freePlace, KIND, NetworkWords, type SharedNetwork } from './network-words.ts';

export { createNetwork, type LinkSpec, type SharedNetwork } from './network-words.ts';

/**
 * One sender's traffic over a path of links. It has a share of them only between `start` and `rest`.
 * Every call but `close` may come from the one thread that uses the flow, whichever that is.
 */
export interface Flow {
  /** It has something to send. */
  start(): void;
  /** It has nothing to send; what it took is left to the others. */
  rest(): void;
  /** What it can use at most, in bytes a second, more than 0; Infinity for all that it can get. */
  limit(bytesPerSecond: number): void;
  /** Its max-min fair share in bytes a second, never above its limit; 0 while it rests. */
  rate(): number;
  /**
   * The bytes a second at which a frame of it leaves: its rate, and, where only its own limit holds
   * it back, what no flow uses on its path beside it. A limit is kept by pauses between frames, as
   * on a real network; it does not stretch them.
   */
  frameRate(): number;
  /** Gives its place back; a call after this throws. For the thread that opens flows. */
  close(): void;
}

/**
 * Links shared by flows. Every thread has an object of its own over the same shared words, and works
 * the shares out by itself whenever they have changed: the same state gives the same numbers.
 */
export class Network {
  readonly #words: NetworkWords;
  readonly #shares: FairShares;
  /** Places of the flows that send, as the shares were worked out. */
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
   * Opens a flow over links, given by their indices, each at most once; none of them: nothing holds
   * it back. It rests. Returns its id, which any thread may turn into the flow. For one thread only.
   * Throws RangeError.
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

  /** The flow that somebody has opened. Throws RangeError once it is closed. */
  flow(id: number): Flow {
    return new SharedFlow(this, this.#words, id);
  }

  /** The rate of every flow, in bytes a second: that of flow `id` stands at `id % mostFlows`. */
  allocate(): Float64Array {
    if (this.#words.version() !== this.#version) this.#workOut();
    return this.#rates;
  }

  /** The same of the rates at which frames leave. */
  allocateFrames(): Float64Array {
    this.allocate();
    return this.#frameRates;
  }

  #workOut(): void {
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

  /** Copies the flows that send; once more when somebody has changed them meanwhile. */
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
