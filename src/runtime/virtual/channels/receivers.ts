import { VirtualClock } from '../../../clock/virtual.ts';
import { PeerGone } from '../../../link/link.ts';
import type { GuestMemory } from '../../../memory/guest-memory.ts';
import { ChannelReceiver } from '../../../migration/channels/channel-receiver.ts';
import type { PageReceivers } from '../../../migration/channels/ports.ts';
import { WireError } from '../../../wire/frame.ts';
import type { Integrity } from '../../../wire/pages.ts';
import { type PageTally, sumTallies } from '../../../wire/tally.ts';
import type { VirtualLink } from '../link.ts';

export interface VirtualReceiversParts {
  readonly count: number;
  /** Opens the far end of a channel, on the clock of its receiver. */
  readonly open: (channel: number, clock: VirtualClock) => VirtualLink;
  readonly memory: GuestMemory;
  /** The clock of the destination's half. */
  readonly clock: VirtualClock;
}

interface Receiver {
  readonly clock: VirtualClock;
  readonly link: VirtualLink;
  receiver: ChannelReceiver | undefined;
  /** The SYNC at which it waits; 0 while it takes frames. */
  waitsAt: number;
  isGone: boolean;
}

/** The receivers of channels on a virtual clock, each with a clock of its own on which it installs pages. */
export class VirtualReceivers implements PageReceivers {
  readonly #parts: VirtualReceiversParts;
  readonly #receivers: readonly Receiver[];
  #isOpen = false;
  problem: string | undefined;
  problemAtNs = Infinity;

  constructor(parts: VirtualReceiversParts) {
    this.#parts = parts;
    this.#receivers = Array.from({ length: parts.count }, (_, channel) => {
      const clock = new VirtualClock();
      const link = parts.open(channel, clock);
      return { clock, link, receiver: undefined, waitsAt: 0, isGone: false };
    });
  }

  get count(): number {
    return this.#receivers.length;
  }

  get tally(): PageTally {
    return sumTallies(this.#receivers.flatMap(({ receiver }) => receiver?.tally ?? []));
  }

  begin(integrity: Integrity): void {
    this.#isOpen = true;
    for (const one of this.#receivers) {
      one.receiver = new ChannelReceiver(this.#parts.memory, integrity);
      one.clock.moveTo(this.#parts.clock.now());
    }
  }

  end(): void {
    this.#isOpen = false;
  }

  syncedAtNs(number: number): number {
    if (this.problem !== undefined) return this.problemAtNs;
    let lastNs = 0;
    for (const { waitsAt, clock } of this.#receivers) {
      if (waitsAt !== number) return Infinity;
      lastNs = Math.max(lastNs, clock.now());
    }
    return lastNs;
  }

  goOn(): void {
    const nowNs = this.#parts.clock.now();
    for (const one of this.#receivers) {
      one.waitsAt = 0;
      one.clock.moveTo(Math.max(one.clock.now(), nowNs));
    }
  }

  /** Returns when a receiver takes its next frame, as far as is known now; Infinity means not before news. */
  nextNs(nowNs: number): number {
    if (!this.#isOpen || this.problem !== undefined) return Infinity;
    const atNs = this.#receivers.reduce((first, one) => Math.min(first, readyAtNs(one)), Infinity);
    return Math.max(nowNs, atNs);
  }

  /** Has the receiver that can do so first take its next frame. */
  step(atNs: number): void {
    const first = this.#receivers.reduce((one, other) =>
      readyAtNs(other) < readyAtNs(one) ? other : one,
    );
    first.clock.moveTo(Math.max(first.clock.now(), atNs));
    try {
      const frame = first.link.poll();
      if (frame) first.waitsAt = first.receiver!.take(frame) ?? 0;
      first.link.release();
    } catch (error) {
      // Of a source that is gone the main channel tells.
      if (error instanceof PeerGone) first.isGone = true;
      else if (error instanceof WireError) {
        this.problem = error.message;
        this.problemAtNs = first.clock.now();
      } else throw error;
    }
  }
}

function readyAtNs({ waitsAt, isGone, clock, link }: Receiver): number {
  if (waitsAt > 0 || isGone) return Infinity;
  return Math.max(clock.now(), link.arrivalAtNs());
}
