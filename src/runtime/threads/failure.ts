import type { SourceReport } from '../../migration/source.ts';
import type { Clock } from '../../clock/clock.ts';
import { CrewError } from './crew.ts';
import { LIVE_PHASES, type RunWords } from './run-words.ts';

/** Returns a source report for a run in which a thread died; its error says how far the run got. */
export function failedRun(
  error: CrewError,
  phase: string,
  words: RunWords,
  nowNs: number,
  migrated?: SourceReport,
): SourceReport {
  const figures = words.figures();
  const step = LIVE_PHASES[figures.phase] ?? 'setup';
  const howFar =
    phase === 'migrate' ? `, ${step}, round ${figures.round}, ${figures.pagesLeft} pages left` : '';
  const message = `${error.message} (in phase ${phase}${howFar})`;
  if (migrated) return { ...migrated, outcome: 'failed', error: message };
  return {
    outcome: 'failed',
    error: message,
    // Once RUN has been sent, the source's copy is no longer the guest.
    guestLost: phase === 'migrate' && figures.pastReturn === 1 && step !== 'over',
    startNs: nowNs,
    endNs: nowNs,
    stop: {},
    rounds: [],
    dirtySyncCount: 0,
    accountedBytes: 0,
    precopyBytes: 0,
    downtimeBytes: 0,
    unsentPages: figures.pagesLeft,
    releasedPages: 0,
    linkBytes: figures.bytes,
  };
}

/** Adds to the error of a failed migration why the destination is gone. */
export function withCause(source: SourceReport, death: Error | undefined): SourceReport {
  if (!death || source.outcome !== 'failed') return source;
  return { ...source, error: `${source.error ?? 'failed'} (${death.message})` };
}

/** The first death of a thread of a run. Once there is one, nothing that needs the run's threads is attempted. */
export class FirstFailure {
  readonly #clock: Clock;
  error: CrewError | undefined;
  /** When it was noted, in ns of the clock. */
  atNs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does nothing once a thread has died; notes a death, and throws any other error on. */
  async attempt(act: () => Promise<void>): Promise<void> {
    if (this.error) return;
    try {
      await act();
    } catch (error) {
      if (!(error instanceof CrewError)) throw error;
      this.note(error);
    }
  }

  note(error: CrewError): void {
    if (this.error) return;
    this.error = error;
    this.atNs = this.#clock.now();
  }
}
