import { MOST_HOPS } from './fair-shares.ts';

/** A link in one direction; what is full duplex is two of them. */
export interface LinkSpec {
  readonly name: string;
  /** Capacity, more than 0; Infinity for a link that never holds anybody back. */
  readonly bytesPerSecond: number;
}

/**
 * What all threads know of a network, plain data and shared memory:
 *
 *   i32  0          version: goes up whenever a flow has changed
 *        1          places that have ever been in use
 *   f64  8 ...      limit of the flow in each place, bytes a second
 *   then, i32, for each place:
 *        0          generation × 4 + kind; the generation is that of the place's present flow
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

/** What the flow in a place does. */
export const KIND = { free: 0, resting: 1, sending: 2 } as const;
type Kind = (typeof KIND)[keyof typeof KIND];

/** A network of these links, none of them used yet, for at most so many flows at a time. Throws RangeError. */
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
 * The words of a network. A change is stored first and the version goes up after it, so who has seen
 * the new version sees the change.
 */
export class NetworkWords {
  readonly shared: SharedNetwork;
  /** All words; paths lie in them at `pathAt`. */
  readonly words: Int32Array;
  readonly limits: Float64Array;
  readonly #firstPlace: number;

  constructor(shared: SharedNetwork) {
    this.shared = shared;
    this.words = new Int32Array(shared.state);
    this.limits = new Float64Array(shared.state, LIMITS_BYTE, shared.mostFlows);
    this.#firstPlace = (LIMITS_BYTE + 8 * shared.mostFlows) / 4;
  }

  version(): number {
    return Atomics.load(this.words, VERSION);
  }

  used(): number {
    return Atomics.load(this.words, USED);
  }

  kind(place: number): Kind {
    return (Atomics.load(this.words, this.#at(place)) & 3) as Kind;
  }

  hops(place: number): number {
    return this.words[this.#at(place) + 1]!;
  }

  pathAt(place: number): number {
    return this.#at(place) + 2;
  }

  placeOf(id: number): number {
    return id % this.shared.mostFlows;
  }

  /** Puts a flow that rests into a free place; returns its id. */
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

  /** Turns a flow of one kind into another; one that is not of it stays. */
  turn(id: number, from: Kind, to: Kind): void {
    const word = this.#wordOf(id);
    const at = this.#at(this.placeOf(id));
    if (Atomics.compareExchange(this.words, at, word + from, word + to) === word + from)
      this.#changed();
    else this.check(id);
  }

  limit(id: number, bytesPerSecond: number): void {
    this.check(id);
    const place = this.placeOf(id);
    if (this.limits[place] === bytesPerSecond) return;
    this.limits[place] = bytesPerSecond;
    this.#changed();
  }

  close(id: number): void {
    this.check(id);
    Atomics.store(this.words, this.#at(this.placeOf(id)), this.#wordOf(id) + KIND.free);
    this.#changed();
  }

  /** Throws unless this flow is open. */
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

/** The first place without a flow. Throws RangeError. */
export function freePlace(words: NetworkWords): number {
  const { mostFlows } = words.shared;
  for (let place = 0; place < mostFlows; place++) {
    if (words.kind(place) === KIND.free) return place;
  }
  throw new RangeError(`all ${mostFlows} flows that the network has room for are open`);
}
