/** Packets that one stream has sent, one after the other: those with the numbers `from` to `to`, counted from 1. */
export interface PacketRun {
  readonly stream: number;
  readonly from: number;
  readonly to: number;
  readonly bytesEach: number;
  /** The first was sent at `firstNs`, the last at `lastNs`, and the others evenly between them. */
  readonly firstNs: number;
  readonly lastNs: number;
}

/** What takes the packets that leave; `epoch` is the one that they were held for, undefined if nobody held them. */
export type PacketSink = (run: PacketRun, atNs: number, epoch: number | undefined) => void;

/**
 * Holds what a protected guest sends until the epoch that it was sent in has been acknowledged. A barrier ends an epoch,
 * in the pause of its checkpoint; what has been sent before it belongs to that epoch or to an earlier one (Cully et al.,
 * "Remus", NSDI 2008, section 3.4).
 */
export class NetBuffer {
  isHolding = false;
  readonly #sink: PacketSink;
  #held: PacketRun[] = [];
  /** For each epoch that has ended and waits for its acknowledgement, how many runs before its barrier are held. */
  #barriers: { readonly epoch: number; readonly runs: number }[] = [];

  constructor(sink: PacketSink) {
    this.#sink = sink;
  }

  /** The number of packets that are held. */
  get heldPackets(): number {
    return this.#held.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  }

  /** Takes packets that the guest has sent. */
  send(run: PacketRun): void {
    if (this.isHolding) this.#held.push(run);
    else this.#sink(run, run.lastNs, undefined);
  }

  /** Ends an epoch. */
  barrier(epoch: number): void {
    this.#barriers.push({ epoch, runs: this.#held.length });
  }

  /** Releases what is before the barrier of an epoch, which has been acknowledged. */
  release(epoch: number, atNs: number): void {
    const barrier = this.#barriers.findLast((one) => one.epoch <= epoch);
    if (!barrier) return;
    for (const run of this.#held.splice(0, barrier.runs)) this.#sink(run, atNs, epoch);
    this.#barriers = this.#barriers
      .filter((one) => one.epoch > epoch)
      .map((one) => ({ epoch: one.epoch, runs: one.runs - barrier.runs }));
  }

  /** Releases everything and holds nothing any more, as the guest is not protected from now on. */
  open(atNs: number): void {
    for (const run of this.#held) this.#sink(run, atNs, undefined);
    this.#held = [];
    this.#barriers = [];
    this.isHolding = false;
  }
}
