import { OneEvent } from '../../../clock/process.ts';
import type { VirtualClock } from '../../../clock/virtual.ts';
import type { FenceConfig } from '../../../replication/config.ts';
import type {
  Fence,
  Holder,
  LeaseAnswer,
  LeaseArbiter,
  LeaseRequest,
} from '../../../replication/lease.ts';
import type { EventLoop } from '../event-loop.ts';

/** A third party on a virtual clock, as one side sees it; requests take their time, and may be lost. */
export class VirtualFence implements Fence {
  readonly leaseNs: number;
  /** Requests after this time get no answer: the side is dead, or cut off from the third party. */
  lostFromNs = Infinity;
  readonly #latencyNs: number;
  readonly #parts: {
    readonly arbiter: LeaseArbiter;
    readonly who: Holder;
    readonly clock: VirtualClock;
    readonly loop: EventLoop;
  };
  readonly #answers: { readonly answer: LeaseAnswer; readonly atNs: number }[] = [];
  #expectedNs: number[] = [];

  constructor(
    config: FenceConfig,
    parts: {
      readonly arbiter: LeaseArbiter;
      readonly who: Holder;
      readonly clock: VirtualClock;
      readonly loop: EventLoop;
    },
  ) {
    this.leaseNs = config.leaseNs;
    this.#latencyNs = config.latencyNs;
    this.#parts = parts;
  }

  ask(request: LeaseRequest): void {
    const { arbiter, who, clock, loop } = this.#parts;
    const askedNs = clock.now();
    const atNs = askedNs + this.#latencyNs;
    this.#expectedNs.push(atNs + this.#latencyNs);
    const arrive = (nowNs: number): void => {
      if (askedNs > this.lostFromNs) return;
      const answer = arbiter.answer(who, request, askedNs, nowNs);
      const backNs = nowNs + this.#latencyNs;
      if (backNs <= this.lostFromNs) this.#answers.push({ answer, atNs: backNs });
    };
    loop.add(new OneEvent(atNs, arrive));
  }

  answer(): LeaseAnswer | undefined {
    const next = this.#answers[0];
    if (!next || next.atNs > this.#parts.clock.now()) return undefined;
    this.#answers.shift();
    return next.answer;
  }

  answerAtNs(): number {
    const nowNs = this.#parts.clock.now();
    if (this.#answers[0] && this.#answers[0].atNs <= nowNs) return nowNs;
    this.#expectedNs = this.#expectedNs.filter((atNs) => atNs > nowNs);
    return this.#expectedNs[0] ?? Infinity;
  }
}
