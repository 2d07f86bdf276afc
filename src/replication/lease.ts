/** The two sides of a protection. */
export type Holder = 'primary' | 'backup';

/** What a side asks a third party for: to hold the lease for a while, or for good. */
export type LeaseRequest = 'renew' | 'claim';

/** The answer to a request. */
export interface LeaseAnswer {
  readonly request: LeaseRequest;
  readonly isGranted: boolean;
  /** When the request was sent, by the clock of the side that sent it. */
  readonly askedNs: number;
  /** Whether the other side holds it for good, so that asking again is of no use. */
  readonly isFinal: boolean;
}

/**
 * The third party that says which side may run a guest. Whoever holds the lease may, until it ends. A side that has
 * claimed it holds it for good: the primary claims it before it goes on without protection, and the backup before it
 * takes over, so that never both run. A claim is granted when the other side's lease has ended.
 */
export class LeaseArbiter {
  readonly #leaseNs: number;
  #holder: Holder | undefined;
  #untilNs = -Infinity;

  constructor(leaseNs: number) {
    this.#leaseNs = leaseNs;
  }

  /** Answers a request that arrives at `nowNs`. */
  answer(who: Holder, request: LeaseRequest, askedNs: number, nowNs: number): LeaseAnswer {
    const isTaken = this.#holder !== undefined && this.#holder !== who && nowNs < this.#untilNs;
    const isFinal = this.#untilNs === Infinity && this.#holder !== who;
    if (isTaken) return { request, isGranted: false, askedNs, isFinal };
    // A claim stays one, whatever its holder asks for later.
    const isClaimed = this.#holder === who && this.#untilNs === Infinity;
    this.#holder = who;
    this.#untilNs = request === 'claim' || isClaimed ? Infinity : nowNs + this.#leaseNs;
    return { request, isGranted: true, askedNs, isFinal: false };
  }
}

/** The third party as one side sees it; a request may be lost, and so may its answer. */
export interface Fence {
  readonly leaseNs: number;
  ask(request: LeaseRequest): void;
  /** Takes the next answer that has arrived; undefined if none has. */
  answer(): LeaseAnswer | undefined;
  /** When the next answer arrives, as far as is known now; Infinity if none is under way. */
  answerAtNs(): number;
}
