import { MOST_HOPS } from './fair-shares.ts';

/** A link in one direction; a full-duplex link is two of them. */
export interface LinkSpec {
  readonly name: string;
  /** The capacity, more than 0; Infinity means that the link never holds a flow back. */
  readonly bytesPerSecond: number;
}

/**
 * What all threads know of a network, as plain data and shared memory. A flow occupies one of
 * `mostFlows` places. The shared memory holds these words:
 *
 *   i32  0          version, which grows whenever a flow changes
 *        1          number of places that have ever been in use
 *   f64  8 ...      limit of the flow in each place, in bytes a second
 *   then, i32, for each place:
 *        0          generation × 4 + kind; the generation grows with each flow that the place gets
 *        1          hops of its path
 *        2 ... 9    indices of its links
 */
export interface SharedNetwork {
  readonly links: readonly LinkSpec[];
  readonly mostFlows: number;
  readonly state: SharedArrayBuffer;
}

const VERSION = 0;
const USED = 1;
const LIMITS_BYTE = 64;
const PLACE_WORDS = 2 + MOST_HOPS;
const GENERATIONS = 2 ** 28;

/** What the flow in a place does; a free place has none. */
export const KIND = { free: 0, resting: 1, sending: 2 } as const;
type Kind = (typeof KIND)[keyof typeof KIND];

/**
 * Creates a network of these links, without flows and with room for at most `mostFlows` at a time.
 * Throws RangeError if a capacity is not above 0 or `mostFlows` is not a whole number of 1 or more.
 */
export function createNetwork(links: readonly LinkSpec[], mostFlows: number): SharedNetwork {
  for (const { name, bytesPerSecond } of links) {
    if (!(bytesPerSecond > 0))
      throw new RangeError(
        `the link "${name}" needs a capacity of more than 0 bytes a second, not ${bytesPerSecond}`,
      );
  }
  if (!Number.isInteger(mostFlows) || mostFlows < 1)
    throw new RangeError(`a network has room for a whole number of flows, not ${mostFlows}`);
  const bytes = LIMITS_BYTE + mostFlows * (8 + 4 * PLACE_WORDS);
  return { links, mostFlows, state: new SharedArrayBuffer(bytes) };
}

/**
 * Reads and writes the words of a network. A change is stored before the version grows, so a thread that
 * has loaded the new version sees the change.
 */
export class NetworkWords {
  readonly shared: SharedNetwork;
  /** All words; the path of the flow in a place begins at the word `pathAt(place)`. */
  readonly words: Int32Array;
  /** The limit of the flow in each place, in bytes a second. */
  readonly limits: Float64Array;
  readonly #firstPlace: number;

  constructor(shared: SharedNetwork) {
    this.shared = shared;
    this.words = new Int32Array(shared.state);
    this.limits = new Float64Array(shared.state, LIMITS_BYTE, shared.mostFlows);
    this.#firstPlace = (LIMITS_BYTE + 8 * shared.mostFlows) / 4;
  }

  /** Returns the version, which is another one after every change of a flow. */
  version(): number {
    return Atomics.load(this.words, VERSION);
  }

  /** Returns the number of places that have ever been in use; they are the first ones. */
  used(): number {
    return Atomics.load(this.words, USED);
  }

  kind(place: number): Kind {
    return (Atomics.load(this.words, this.#at(place)) & 3) as Kind;
  }

  /** Returns the number of links on the path of the flow in a place. */
  hops(place: number): number {
    return this.words[this.#at(place) + 1]!;
  }

  pathAt(place: number): number {
    return this.#at(place) + 2;
  }

  /** Returns the place of the flow with this id. */
  placeOf(id: number): number {
    return id % this.shared.mostFlows;
  }

  /** Puts a resting flow without a limit into a free place; returns its id. */
  open(place: number, path: readonly number[]): number {
    const at = this.#at(place);
    const generation = ((Atomics.load(this.words, at) >> 2) + 1) % GENERATIONS;
    this.limits[place] = Infinity;
    this.words[at + 1] = path.length;
    this.words.set(path, at + 2);
    Atomics.store(this.words, at, generation * 4 + KIND.resting);
    if (place >= this.used()) Atomics.store(this.words, USED, place + 1);
    this.#changed();
    return generation * this.shared.mostFlows + place;
  }

  /** Changes the kind of a flow; if it is not of kind `from`, nothing changes. Throws RangeError if it is closed. */
  turn(id: number, from: Kind, to: Kind): void {
    const word = this.#wordOf(id);
    const at = this.#at(this.placeOf(id));
    if (Atomics.compareExchange(this.words, at, word + from, word + to) === word + from)
      this.#changed();
    else this.check(id);
  }

  /** Sets the limit of a flow. Throws RangeError if it is closed. */
  limit(id: number, bytesPerSecond: number): void {
    this.check(id);
    const place = this.placeOf(id);
    if (this.limits[place] === bytesPerSecond) return;
    this.limits[place] = bytesPerSecond;
    this.#changed();
  }

  /** Frees the place of a flow. Throws RangeError if it is closed already. */
  close(id: number): void {
    this.check(id);
    Atomics.store(this.words, this.#at(this.placeOf(id)), this.#wordOf(id) + KIND.free);
    this.#changed();
  }

  /** Throws RangeError unless this flow is open. */
  check(id: number): void {
    const word = Atomics.load(this.words, this.#at(this.placeOf(id)));
    if (word - (word & 3) !== this.#wordOf(id) || (word & 3) === KIND.free)
      throw new RangeError(`flow ${id} of the network is not open`);
  }

  #wordOf(id: number): number {
    return Math.floor(id / this.shared.mostFlows) * 4;
  }

  #at(place: number): number {
    return this.#firstPlace + place * PLACE_WORDS;
  }

  #changed(): void {
    Atomics.add(this.words, VERSION, 1);
  }
}

/** Returns the first place without a flow. Throws RangeError if there is none. */
export function freePlace(words: NetworkWords): number {
  const { mostFlows } = words.shared;
  for (let place = 0; place < mostFlows; place++) {
    if (words.kind(place) === KIND.free) return place;
  }
  throw new RangeError(`all ${mostFlows} flows that the network has room for are open`);
}
