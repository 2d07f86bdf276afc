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

/** Returns the number of packets of a run. */
export const packetsOf = ({ from, to }: PacketRun): number => to - from + 1;

export const packetBytesOf = (run: PacketRun): number => packetsOf(run) * run.bytesEach;

/** What takes all packets of a guest in the place of its buffer. */
export interface PacketDiversion {
  send(run: PacketRun): void;
}

/** What takes the packets that leave. */
export type PacketSink = (run: PacketRun, atNs: number) => void;

/**
 * Holds what a protected guest sends until the epoch that it was sent in has been acknowledged. A barrier ends an epoch,
 * in the pause of its checkpoint; what has been sent before it belongs to that epoch or to an earlier one (Cully et al.,
 * "Remus", NSDI 2008, section 3.4). The next epoch ends only when the one before has been acknowledged.
 */
export class NetBuffer {
  isHolding = false;
  /** Where packets go in place of this buffer, if anywhere. */
  diversion: PacketDiversion | undefined;
  /** How much is held now, and the most that ever was. */
  heldPackets = 0;
  heldBytes = 0;
  mostHeldBytes = 0;
  readonly #sink: PacketSink;
  #held: PacketRun[] = [];
  /** How many of the runs that are held were sent before the barrier. */
  #ended = 0;

  constructor(sink: PacketSink) {
    this.#sink = sink;
  }

  /** Takes packets that the guest has sent. */
  send(run: PacketRun): void {
    if (this.diversion) this.diversion.send(run);
    else if (!this.isHolding) this.#sink(run, run.lastNs);
    else {
      this.#held.push(run);
      this.hold(run);
    }
  }

  /** Counts packets as held, here or by a diversion. */
  hold(run: PacketRun): void {
    this.heldPackets += packetsOf(run);
    this.heldBytes += packetBytesOf(run);
    this.mostHeldBytes = Math.max(this.mostHeldBytes, this.heldBytes);
  }

  /** Ends an epoch. */
  barrier(): void {
    this.#ended = this.#held.length;
  }

  /** Releases what is before the barrier, whose epoch has been acknowledged. */
  release(atNs: number): void {
    for (const run of this.#held.splice(0, this.#ended)) this.pass(run, atNs);
    this.#ended = 0;
  }

  /** Lets packets leave that have been counted as held. */
  pass(run: PacketRun, atNs: number): void {
    this.heldPackets -= packetsOf(run);
    this.heldBytes -= packetBytesOf(run);
    this.#sink(run, atNs);
  }

  /** Releases everything and holds nothing any more, as the guest is not protected from now on. */
  open(atNs: number): void {
    this.barrier();
    this.release(atNs);
    this.isHolding = false;
  }
}
