import { ConnectionLost } from '../../../link/link.ts';
import type { TakenRuns } from '../../../memory/page-set.ts';
import type {
  ChannelCounts,
  PageReceivers,
  PageSenders,
  PostedFrame,
} from '../../../migration/channels/ports.ts';
import type { Integrity } from '../../../wire/pages.ts';
import { type PageTally, sumTallies } from '../../../wire/tally.ts';
import { ReceiverDeskOfEngine, type SharedReceiverDesk } from './receiver-desk.ts';
import { SenderDeskOfEngine, type SharedSenderDesk } from './sender-desk.ts';

/** The senders of channels, each in a thread of its own, as the source's engine sees them. */
export class ThreadSenders implements PageSenders {
  readonly #desks: readonly SenderDeskOfEngine[];
  readonly #isLost: () => boolean;
  #next = 0;

  constructor(shared: readonly SharedSenderDesk[], isLost: () => boolean) {
    this.#desks = shared.map((one) => new SenderDeskOfEngine(one));
    this.#isLost = isLost;
  }

  get count(): number {
    return this.#desks.length;
  }

  get problem(): string | undefined {
    return this.#isLost() ? new ConnectionLost().message : undefined;
  }

  get counts(): readonly ChannelCounts[] {
    return this.#desks.map(({ channelCounts }) => channelCounts);
  }

  get postedBytes(): number {
    return this.#desks.reduce((sum, { postedBytes }) => sum + postedBytes, 0);
  }

  get drainedAtNs(): number {
    return this.#desks.reduce((last, { drainedAtNs }) => Math.max(last, drainedAtNs), 0);
  }

  readonly idleAtNs = (): number => (this.#desks.some(({ isIdle }) => isIdle) ? 0 : Infinity);

  readonly settledAtNs = (): number =>
    this.#desks.every(({ isSettled }) => isSettled) ? 0 : Infinity;

  /** In real time looking takes the time that it takes. */
  scan(): void {}

  send(taken: TakenRuns): boolean {
    for (let i = 0; i < this.count; i++) {
      const index = (this.#next + i) % this.count;
      if (!this.#desks[index]!.hand(taken)) continue;
      this.#next = (index + 1) % this.count;
      return true;
    }
    return false;
  }

  takePosted(): PostedFrame | undefined {
    for (const [channel, desk] of this.#desks.entries()) {
      const frame = desk.takeSent(channel);
      if (frame) return frame;
    }
    return undefined;
  }

  sync(number: number): void {
    for (const desk of this.#desks) desk.sync(number);
  }

  /** Lets all senders' threads leave. */
  dismiss(): void {
    for (const desk of this.#desks) desk.dismiss();
  }
}

/** The receivers of channels, each in a thread of its own, as the destination's engine sees them. */
export class ThreadReceivers implements PageReceivers {
  readonly #desks: readonly ReceiverDeskOfEngine[];

  constructor(shared: readonly SharedReceiverDesk[]) {
    this.#desks = shared.map((one) => new ReceiverDeskOfEngine(one));
  }

  get count(): number {
    return this.#desks.length;
  }

  get problem(): string | undefined {
    for (const { problem } of this.#desks) if (problem !== undefined) return problem;
    return undefined;
  }

  get problemAtNs(): number {
    return this.problem === undefined ? Infinity : 0;
  }

  get tally(): PageTally {
    return sumTallies(this.#desks.map(({ tally }) => tally));
  }

  begin(integrity: Integrity): void {
    for (const desk of this.#desks) desk.begin(integrity);
  }

  syncedAtNs(number: number): number {
    const isSynced = this.#desks.every(({ syncedAt }) => syncedAt === number);
    return isSynced || this.problem !== undefined ? 0 : Infinity;
  }

  goOn(number: number): void {
    for (const desk of this.#desks) desk.goOn(number);
  }

  end(): void {
    for (const desk of this.#desks) desk.dismiss();
  }
}
