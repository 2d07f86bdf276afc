import type { Clock } from '../clock/clock.ts';
import type { LogReader } from '../memory/dirty-logs/log-reader.ts';
import type { Algorithm, SourceGuest } from '../migration/ports.ts';
import type { DeadlineConfig } from './config.ts';

/** The guest's dirty pages are counted this often. */
const LOOK_NS = 1e6;

/** What deadline scheduling works with. */
export interface DeadlineParts {
  readonly clock: Clock;
  readonly guest: Pick<SourceGuest, 'throttle'>;
  readonly log: Pick<LogReader, 'harvest' | 'collect' | 'pages'>;
  /** Waits until the guest has answered what it was asked. */
  readonly settled: () => Algorithm<void>;
  /** Stops the guest for its next checkpoint. */
  readonly stop: () => Algorithm<unknown>;
}

/**
 * Deadline scheduling, as the Remus paper proposes it (Cully et al., NSDI 2008, section 6): a guest that dirties many
 * pages in an epoch is slowed or stopped at a high-water mark, so that an epoch never takes much longer to send than
 * that many pages do.
 */
export class DeadlineScheduler {
  readonly #config: DeadlineConfig;
  readonly #parts: DeadlineParts;
  #lookNs = Infinity;
  #hasPassed = false;

  constructor(config: DeadlineConfig, parts: DeadlineParts) {
    this.#config = config;
    this.#parts = parts;
  }

  /** Whether the guest has passed the mark since its last checkpoint. */
  get hasPassed(): boolean {
    return this.#hasPassed;
  }

  /** When `look` has something to do; Infinity once the mark has been passed. */
  get dueNs(): number {
    return this.#lookNs;
  }

  /** Begins an epoch, before the guest runs on. */
  begin(): void {
    const { clock, guest } = this.#parts;
    if (this.#hasPassed && this.#config.action === 'slow') guest.throttle(0);
    this.#hasPassed = false;
    this.#lookNs = clock.now() + LOOK_NS;
  }

  /** Counts what the guest has dirtied, when that is due, and slows or stops it if that is too much. */
  *look(): Algorithm<void> {
    const { clock, guest, log, settled, stop } = this.#parts;
    if (clock.now() < this.#lookNs) return;
    log.harvest();
    yield* settled();
    log.collect();
    this.#lookNs = clock.now() + LOOK_NS;
    if (log.pages.count < this.#config.dirtyPages) return;
    this.#hasPassed = true;
    this.#lookNs = Infinity;
    if (this.#config.action === 'slow') guest.throttle(this.#config.throttle);
    else yield* stop();
  }
}
