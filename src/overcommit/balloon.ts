/** A guest's balloon, as its driver moves it. Amounts are pages. */
export interface Balloon {
  /** How many pages it has taken. */
  size(): number;
  /** Takes so many pages more, as far as the guest finds any: free ones, then page cache, then what it pages out. */
  inflate(pages: number): void;
  /** Gives so many pages back to the guest. */
  deflate(pages: number): void;
}

export interface BalloonConfig {
  /** How often the driver asks its host for the balloon's target (Waldspurger, OSDI 2002, section 3.1: each second). */
  readonly pollNs: number;
  /** The most pages by which the balloon changes in a second, so that the guest is not stressed. */
  readonly pagesPerSecond: number;
  /** The most pages that the guest lets its balloon have. */
  readonly mostPages: number;
  /** How long after the guest's start its driver begins to work. */
  readonly bootNs: number;
}

/**
 * The driver of a balloon in a guest (Waldspurger, OSDI 2002, section 3.1). It polls its host for a target, and inflates
 * or deflates the balloon towards it at a limited rate. Its time is the guest's own, so a guest that stands still has a
 * slow driver.
 */
export class BalloonDriver {
  readonly config: BalloonConfig;
  readonly #balloon: Balloon;
  #nextNs: number;
  /** What its host wants, in pages. */
  targetPages = 0;

  constructor(config: BalloonConfig, balloon: Balloon) {
    this.config = config;
    this.#balloon = balloon;
    this.#nextNs = config.bootNs;
  }

  /** How many pages the balloon has. */
  get pages(): number {
    return this.#balloon.size();
  }

  /** How many pages more the host may ask for at a time of the guest; 0 while the driver does not work. */
  room(guestNs: number): number {
    if (guestNs < this.config.bootNs) return 0;
    return Math.max(0, this.config.mostPages - this.pages);
  }

  /** Moves the balloon, as far as the polls that have come by a time of the guest allow together. */
  advance(guestNs: number): void {
    if (guestNs < this.#nextNs) return;
    const { pollNs, pagesPerSecond, mostPages } = this.config;
    const polls = 1 + Math.floor((guestNs - this.#nextNs) / pollNs);
    this.#nextNs = guestNs + pollNs;
    const most = Math.ceil((pagesPerSecond * pollNs * polls) / 1e9);
    const missing = Math.min(this.targetPages, mostPages) - this.pages;
    if (missing > 0) this.#balloon.inflate(Math.min(missing, most));
    else if (missing < 0) this.#balloon.deflate(Math.min(-missing, most));
  }
}
