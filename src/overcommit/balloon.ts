/** A guest's balloon, as its driver moves it. Amounts are pages. */
export interface Balloon {
  /** How many pages it has taken. */
  size(): number;
  /** Takes so many pages more, as far as the guest finds any: free ones, then page cache, then what it pages out. */
  inflate(pages: number): void;
  /** Gives so many pages back to the guest. */
  deflate(pages: number): void;
  /** Empties the balloon, both in the guest and in the host's records, which may differ after the guest has reset. */
  empty(): void;
}

/** The balloon of a guest and its driver, as the guest's host sees them. */
export interface HostedBalloon {
  /** How many pages the balloon has. */
  readonly pages: number;
  /** How many its host wants it to have. */
  targetPages: number;
  /** How many pages more the host may ask for at a time of the guest; 0 while the driver does not work. */
  room(guestNs: number): number;
  /** Moves the balloon, as far as the polls that have come by a time of the guest allow together. */
  advance(guestNs: number): void;
  /** The most pages that it may have. */
  readonly mostPages: number;
  /** Whether its host knows more of it than the guest, which has reset; absent where no guest does. */
  readonly isInDoubt?: boolean;
  /** Notes that the guest has reset at a time of its own. */
  restart?(guestNs: number): void;
  /** Notes that a page of it was touched, of which the guest knew nothing. */
  pop?(): void;
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
export class BalloonDriver implements HostedBalloon {
  readonly config: BalloonConfig;
  readonly #balloon: Balloon;
  #nextNs: number;
  #bootedNs: number;
  #isPopped = false;
  /** Whether the guest has reset, so that until the driver's state has been reset its host knows more than the guest. */
  isInDoubt = false;
  /** At its last poll the guest had fewer pages to give than it was to take. */
  #isStuck = false;
  targetPages = 0;

  constructor(config: BalloonConfig, balloon: Balloon) {
    this.config = config;
    this.#balloon = balloon;
    this.#nextNs = this.#bootedNs = config.bootNs;
  }

  get mostPages(): number {
    return this.config.mostPages;
  }

  get pages(): number {
    return this.#balloon.size();
  }

  /**
   * How many pages more the host may ask for at a time of the guest; 0 while the driver does not work, or while the guest
   * finds nothing that it could give up.
   */
  room(guestNs: number): number {
    if (guestNs < this.#bootedNs || this.#isStuck) return 0;
    return Math.max(0, this.config.mostPages - this.pages);
  }

  /** Notes that the guest has reset at a time of its own, so that its driver boots anew and knows of no balloon. */
  restart(guestNs: number): void {
    this.#nextNs = this.#bootedNs = guestNs + this.config.bootNs;
    this.isInDoubt = true;
  }

  /** Notes that a page of the balloon was touched; at its next contact the driver's state is reset (section 3.1). */
  pop(): void {
    this.#isPopped = true;
  }

  advance(guestNs: number): void {
    if (guestNs < this.#nextNs) return;
    if (this.#isPopped) this.#reset();
    const { pollNs, pagesPerSecond, mostPages } = this.config;
    const polls = 1 + Math.floor((guestNs - this.#nextNs) / pollNs);
    this.#nextNs = guestNs + pollNs;
    const most = Math.ceil((pagesPerSecond * pollNs * polls) / 1e9);
    const missing = Math.min(this.targetPages, mostPages) - this.pages;
    this.#isStuck = false;
    if (missing > 0) this.#inflate(Math.min(missing, most));
    else if (missing < 0) this.#balloon.deflate(Math.min(-missing, most));
  }

  #reset(): void {
    this.#isPopped = this.isInDoubt = false;
    this.#balloon.empty();
  }

  #inflate(wanted: number): void {
    const before = this.pages;
    this.#balloon.inflate(wanted);
    this.#isStuck = this.pages < before + wanted;
  }
}
