/**
 * The estimate of how much of its memory a guest uses actively (Waldspurger, OSDI 2002, section 5.3). In each period
 * of the guest's own time some pages are picked at random, and how many of them it touches is counted. Three averages
 * are kept: a slow one, a fast one, and one that begins as the fast one and takes in the period that is under way. The
 * estimate is the greatest of them, so that it rises fast and falls slowly.
 */
export interface SamplingConfig {
  /** How many pages are picked in a period. */
  readonly pages: number;
  /** The period in nanoseconds of guest time. */
  readonly periodNs: number;
  /**
   * The weights of a new period in the slow and in the fast average. The paper has none; these come from the steps of
   * its figure 6, where after a load the slow average keeps some 0.75 of itself a period and the fast one some 0.28.
   */
  readonly slowGain: number;
  readonly fastGain: number;
}

export const DEFAULT_SAMPLING: SamplingConfig = {
  pages: 100,
  periodNs: 30e9,
  slowGain: 0.25,
  fastGain: 0.72,
};

export class ActiveMemory {
  readonly #config: Pick<SamplingConfig, 'slowGain' | 'fastGain'>;
  #slow: number;
  #fast: number;
  /** The fraction of this period's pages that have been touched so far. */
  #now = 0;

  /** `initial` is the fraction that counts as active before the first period has ended. */
  constructor(config: Pick<SamplingConfig, 'slowGain' | 'fastGain'>, initial = 1) {
    this.#config = config;
    this.#slow = initial;
    this.#fast = initial;
  }

  /** Notes which fraction of this period's pages has been touched so far. */
  observe(fraction: number): void {
    this.#now = fraction;
  }

  /** Ends a period in which that fraction of its pages was touched. */
  endPeriod(fraction: number): void {
    const { slowGain, fastGain } = this.#config;
    this.#slow += slowGain * (fraction - this.#slow);
    this.#fast += fastGain * (fraction - this.#fast);
    this.#now = 0;
  }

  /** Takes over what another one has estimated, of a guest that moves here. */
  goOnFrom(other: ActiveMemory): void {
    this.#slow = other.#slow;
    this.#fast = other.#fast;
    this.#now = 0;
  }

  /** The fraction of the guest's memory that is active, 0 to 1. */
  get fraction(): number {
    // The running average takes in what has been touched only as far as that raises it: the period is not over yet.
    const running = this.#fast + this.#config.fastGain * Math.max(0, this.#now - this.#fast);
    return Math.max(this.#slow, this.#fast, running);
  }
}
