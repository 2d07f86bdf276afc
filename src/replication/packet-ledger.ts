import { packetBytesOf, type PacketRun, packetsOf } from './net-buffer.ts';

/** Packets that have left a host. */
export interface LedgerEntry {
  readonly host: number;
  readonly run: PacketRun;
  readonly atNs: number;
}

/** A guest has gone on at another host, from the state at the end of an epoch. */
export interface LedgerTakeover {
  readonly host: number;
  readonly atNs: number;
  /** How many packets each stream had sent in that state. */
  readonly sent: ReadonlyMap<number, number>;
}

/** What a list of packets comes to. */
export interface PacketTotals {
  readonly released: number;
  readonly releasedBytes: number;
  /** Packets that the state of a takeover has sent and that never left; the network seems to have lost them. */
  readonly lost: number;
  /** Packets that left before a takeover although its state has not sent them yet. */
  readonly undone: number;
  /** Packets that left twice, or out of order. */
  readonly repeated: number;
}

/** Every packet that has left a guest, wherever it ran, as its clients saw them. */
export class PacketLedger {
  #entries: LedgerEntry[] = [];
  readonly #takeovers: LedgerTakeover[] = [];
  /** Is told of packets as they leave. */
  onLeave: (run: PacketRun, atNs: number) => void = () => undefined;

  note(host: number, run: PacketRun, atNs: number): void {
    this.#entries.push({ host, run, atNs });
    this.onLeave(run, atNs);
  }

  /** A host has died: what it would have sent after `atNs` never left. */
  died(host: number, atNs: number): void {
    this.#entries = this.#entries.flatMap((entry) => {
      if (entry.host !== host || entry.atNs <= atNs) return [entry];
      const { run } = entry;
      // Packets that nobody held left one by one, so that some of a run may have been in time.
      const isHeld = entry.atNs > run.lastNs;
      const inTime = isHeld ? 0 : packetsBy(run, atNs);
      if (inTime === 0) return [];
      return [{ ...entry, atNs, run: { ...run, to: run.from + inTime - 1, lastNs: atNs } }];
    });
  }

  takenOver(takeover: LedgerTakeover): void {
    this.#takeovers.push(takeover);
  }

  get entries(): readonly LedgerEntry[] {
    return this.#entries;
  }

  /** Goes through all packets in the order in which they left. */
  totals(): PacketTotals {
    const last = new Map<number, number>();
    const totals = { released: 0, releasedBytes: 0, lost: 0, undone: 0, repeated: 0 };
    const takeovers = this.#takeovers.toSorted((a, b) => a.atNs - b.atNs);
    const takeOver = ({ sent }: LedgerTakeover): void => {
      for (const [stream, count] of sent) {
        const before = last.get(stream) ?? 0;
        if (before > count) totals.undone += before - count;
        else totals.lost += count - before;
        last.set(stream, count);
      }
    };
    for (const { run, atNs } of this.#entries.toSorted((a, b) => a.atNs - b.atNs)) {
      while (takeovers[0] && takeovers[0].atNs < atNs) takeOver(takeovers.shift()!);
      const due = (last.get(run.stream) ?? 0) + 1;
      totals.released += packetsOf(run);
      totals.releasedBytes += packetBytesOf(run);
      if (run.from < due) totals.repeated += due - run.from;
      if (run.from > due) totals.lost += run.from - due;
      last.set(run.stream, Math.max(due - 1, run.to));
    }
    takeovers.forEach(takeOver);
    return totals;
  }

  /** Returns how long packets waited, with how many did, in nanoseconds. */
  delays(): { readonly ns: number; readonly packets: number }[] {
    return this.#entries.flatMap(({ run, atNs }) => {
      const packets = packetsOf(run);
      if (atNs === run.lastNs) return [{ ns: 0, packets }];
      if (packets === 1) return [{ ns: atNs - run.lastNs, packets }];
      const half = Math.floor(packets / 2);
      const middleNs = (run.firstNs + run.lastNs) / 2;
      return [
        { ns: atNs - (run.firstNs + middleNs) / 2, packets: half },
        { ns: atNs - (middleNs + run.lastNs) / 2, packets: packets - half },
      ];
    });
  }
}

/** Returns how many packets of a run were sent by `atNs`. */
function packetsBy(run: PacketRun, atNs: number): number {
  const { firstNs, lastNs } = run;
  const packets = packetsOf(run);
  if (atNs < firstNs) return 0;
  const stepNs = packets > 1 ? (lastNs - firstNs) / (packets - 1) : Infinity;
  return Math.min(packets, 1 + Math.floor((atNs - firstNs) / stepNs));
}
