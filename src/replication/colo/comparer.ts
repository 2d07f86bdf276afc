import type { PacketDiversion, PacketRun } from '../net-buffer.ts';
import { firstOf, lastBefore, type PacketSums, restOf } from './packets.ts';

/** A packet of the secondary, which waits for its twin. */
interface Theirs {
  readonly number: number;
  readonly low: number;
  readonly high: number;
  readonly atNs: number;
}

/** What is held of one stream, each in the order in which it was sent; a stream stands for a connection. */
interface Connection {
  own: PacketRun[];
  theirs: Theirs[];
}

export interface ComparerParts {
  /** Is told of packets that are held. */
  readonly hold: (run: PacketRun) => void;
  /** Lets packets leave at a time. */
  readonly release: (run: PacketRun, atNs: number) => void;
  /** Returns the sum of the contents of a packet of the primary. */
  readonly sumOf: (stream: number, number: number) => readonly [number, number];
}

/**
 * Holds the packets of the primary until the secondary has sent equal ones, connection by connection and packet by
 * packet, as QEMU's net/colo-compare.c does. The packet that leaves is the primary's.
 */
export class Comparer implements PacketDiversion {
  readonly #parts: ComparerParts;
  readonly #connections = new Map<number, Connection>();

  constructor(parts: ComparerParts) {
    this.#parts = parts;
  }

  /** Takes packets that the primary's guest has sent. */
  send(run: PacketRun): void {
    this.#parts.hold(run);
    this.#connection(run.stream).own.push(run);
  }

  /** Takes packets of the secondary, which have arrived at `atNs`. */
  hear({ stream, from, sums }: PacketSums, atNs: number): void {
    const { theirs } = this.#connection(stream);
    for (let i = 0; i < sums.length; i += 2) {
      theirs.push({ number: from + i / 2, low: sums[i]!, high: sums[i + 1]!, atNs });
    }
  }

  /** Releases the packets that both sides have sent, up to the first that differ; returns whether any do. */
  compare(): boolean {
    let differ = false;
    for (const connection of this.#connections.values()) {
      if (this.#compareOne(connection)) differ = true;
    }
    return differ;
  }

  #compareOne({ own, theirs }: Connection): boolean {
    let differ = false;
    while (own.length > 0 && theirs.length > 0 && !differ) {
      const run = own[0]!;
      const { atNs } = theirs[0]!;
      // Twins that have arrived together release their packets together.
      let equal = 0;
      while (equal < theirs.length && run.from + equal <= run.to && theirs[equal]!.atNs === atNs) {
        differ = !this.#isEqual(run.stream, run.from + equal, theirs[equal]!);
        if (differ) break;
        equal++;
      }
      if (equal === 0) break;
      theirs.splice(0, equal);
      const to = run.from + equal - 1;
      this.#release(firstOf(run, to), atNs);
      const rest = restOf(run, to);
      if (rest) own[0] = rest;
      else own.shift();
    }
    return differ;
  }

  /** Releases packets whose twins came at `atNs`: those that were sent before have waited for them, the others leave at once. */
  #release(run: PacketRun, atNs: number): void {
    const held = lastBefore(run, atNs);
    if (held >= run.from) this.#parts.release(firstOf(run, held), atNs);
    const rest = held < run.from ? run : restOf(run, held);
    if (rest) this.#parts.release(rest, rest.lastNs);
  }

  #isEqual(stream: number, number: number, twin: Theirs): boolean {
    const [low, high] = this.#parts.sumOf(stream, number);
    return twin.number === number && twin.low === low && twin.high === high;
  }

  /** Returns when the oldest packet that waits for its twin was sent or has arrived; Infinity if none waits. */
  waitingSinceNs(): number {
    let sinceNs = Infinity;
    for (const { own, theirs } of this.#connections.values()) {
      sinceNs = Math.min(sinceNs, own[0]?.firstNs ?? Infinity, theirs[0]?.atNs ?? Infinity);
    }
    return sinceNs;
  }

  /**
   * Releases all packets of the primary, since the secondary goes on from a state that has sent them, or since there is
   * none any more; those of the secondary are thrown away.
   */
  flush(atNs: number): void {
    for (const connection of this.#connections.values()) {
      for (const run of connection.own) this.#parts.release(run, atNs);
      connection.own = [];
      connection.theirs = [];
    }
  }

  #connection(stream: number): Connection {
    let connection = this.#connections.get(stream);
    if (!connection) {
      connection = { own: [], theirs: [] };
      this.#connections.set(stream, connection);
    }
    return connection;
  }
}
