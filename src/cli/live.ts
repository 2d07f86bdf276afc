import { colours } from './colours.ts';
import { LIVE_PHASES } from '../runtime/threads/run-words.ts';
import type { LiveView } from '../runtime/threads/run.ts';
import { formatBitRate } from '../units/rate.ts';
import { formatCount } from './format.ts';

const REDRAW_MS = 100;

/** Shows on one line of a terminal how far a run is. Elsewhere it writes only notes. */
export class LiveDisplay {
  readonly #stream: NodeJS.WriteStream;
  readonly #isWanted: boolean;
  readonly #isShown: boolean;
  #timer: NodeJS.Timeout | undefined;
  #last: LiveView | undefined;

  constructor(stream: NodeJS.WriteStream, isWanted: boolean) {
    this.#stream = stream;
    this.#isWanted = isWanted;
    this.#isShown = isWanted && stream.isTTY;
  }

  /** Starts to redraw the line at an interval; `read` returns the run's present state. */
  start(read: () => LiveView): void {
    if (!this.#isShown) return;
    const draw = (): void => {
      const view = read();
      this.#line(describe(view, this.#last));
      this.#last = view;
    };
    draw();
    this.#timer = setInterval(draw, REDRAW_MS);
  }

  /** Stops redrawing and clears the line. */
  stop(): void {
    clearInterval(this.#timer);
    if (this.#isShown) this.#line('');
  }

  /** Writes a line that is not redrawn. */
  note(text: string): void {
    if (!this.#isWanted) return;
    if (this.#isShown) this.#line('');
    this.#stream.write(`${text}\n`);
  }

  #line(text: string): void {
    this.#stream.write(`\r\x1b[2K${text}`);
  }
}

/** Returns the text of the line; rates are computed from the view before, when there is one. */
export function describe(view: LiveView, before: LiveView | undefined): string {
  const seconds = `${(view.elapsedNs / 1e9).toFixed(1).padStart(5)} s`;
  const spanNs = before ? view.elapsedNs - before.elapsedNs : 0;
  const speed = spanNs > 0 ? ((view.accesses - before!.accesses) / spanNs) * 1e9 : 0;
  const guest = `guest ${formatCount(Math.max(0, speed)).padStart(6)}/s`;
  switch (view.phase) {
    case 'prepare':
      return `${seconds}  preparing: filling ${formatCount(view.pages)} pages, starting threads`;
    case 'before':
      return `${seconds}  running at the source   ${guest}`;
    case 'after':
      return `${seconds}  running on              ${guest}`;
    case 'verify':
      return `${seconds}  proving every byte`;
    default:
      return `${seconds}  ${migrating(view, before)}   ${guest}`;
  }
}

function migrating(view: LiveView, before: LiveView | undefined): string {
  const { figures, pages } = view;
  const phase = LIVE_PHASES[figures.phase] ?? 'setup';
  const spanNs = before ? view.elapsedNs - before.elapsedNs : 0;
  const rate = spanNs > 0 ? ((figures.bytes - before!.figures.bytes) / spanNs) * 1e9 : 0;
  const done = 1 - figures.pagesLeft / Math.max(1, pages);
  const bar = `${'█'.repeat(Math.round(done * 16))}${'░'.repeat(16 - Math.round(done * 16))}`;
  const name = phase === 'live' ? `round ${figures.round}` : phase;
  const link = formatBitRate(Math.max(0, rate));
  return `${colours.bold(name.padEnd(9))} ${bar} ${formatCount(figures.pagesLeft).padStart(7)} pages left   link ${link.padStart(11)}`;
}
