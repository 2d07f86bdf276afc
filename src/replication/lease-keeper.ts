import type { Clock } from '../clock/clock.ts';
import type { Algorithm } from '../migration/ports.ts';
import type { Fence, LeaseAnswer, LeaseRequest } from './lease.ts';

/** A lease is renewed when this share of it has passed. */
const RENEW_SHARE = 1 / 3;

/**
 * Claims the lease for good and returns whether it is granted; false means that the other side has it for good. While
 * nobody grants it, this side asks again every `everyNs`.
 */
export function* claimLease(
  fence: Omit<Fence, 'leaseNs'>,
  clock: Clock,
  everyNs: number,
): Algorithm<boolean> {
  for (;;) {
    fence.ask('claim');
    const againNs = clock.now() + everyNs;
    while (clock.now() < againNs) {
      const answer = fence.answer();
      if (answer?.request === 'claim' && answer.isGranted) return true;
      if (answer?.isFinal) return false;
      yield { untilNs: Math.min(againNs, fence.answerAtNs()) };
    }
  }
}

/** Keeps the primary's lease; the guest is told how long it may run with it. */
export class LeaseKeeper {
  readonly #fence: Fence;
  readonly #clock: Clock;
  readonly #runUntil: (untilNs: number) => void;
  #askedNs = -Infinity;
  #untilNs = -Infinity;

  constructor(fence: Fence, clock: Clock, runUntil: (untilNs: number) => void) {
    this.#fence = fence;
    this.#clock = clock;
    this.#runUntil = runUntil;
  }

  isHeld(): boolean {
    return this.#clock.now() < this.#untilNs;
  }

  /** When `tend` has something to do again. */
  dueNs(): number {
    return Math.min(this.#fence.answerAtNs(), this.#askedNs + this.#fence.leaseNs * RENEW_SHARE);
  }

  /** Takes answers and asks anew when that is due. */
  tend(): void {
    this.#hear();
    if (this.#clock.now() < this.#askedNs + this.#fence.leaseNs * RENEW_SHARE) return;
    this.#ask('renew');
  }

  /** Claims the lease for good; see claimLease. */
  *claim(): Algorithm<boolean> {
    const { leaseNs } = this.#fence;
    const heard = {
      ask: (request: LeaseRequest) => this.#ask(request),
      answer: () => this.#hear(),
      answerAtNs: () => this.#fence.answerAtNs(),
    };
    return yield* claimLease(heard, this.#clock, leaseNs * RENEW_SHARE);
  }

  #ask(request: LeaseRequest): void {
    this.#askedNs = this.#clock.now();
    this.#fence.ask(request);
  }

  /** Takes the next answer; a grant counts from the time at which it was asked for, since only that is known here. */
  #hear(): LeaseAnswer | undefined {
    const answer = this.#fence.answer();
    if (!answer?.isGranted) return answer;
    this.#untilNs = Math.max(this.#untilNs, answer.askedNs + this.#fence.leaseNs);
    this.#runUntil(this.#untilNs);
    return answer;
  }
}
