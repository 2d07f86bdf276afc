import type { Clock } from '../clock/clock.ts';
import type { EvacuationConfig } from '../fleet/evacuation/config.ts';
import type { EvacuationProgress } from '../fleet/evacuation/report.ts';
import { colours } from './colours.ts';
import { formatCount } from './format.ts';

const REDRAW_NS = 100e6;
/** When the output is not a terminal, lines can't be redrawn, so they come at this interval. */
const LINE_NS = 30e9;
/** The share of the work from which on the remaining time is estimated; before it, estimates jump about. */
const LEAST_SHARE = 0.02;
const BAR = 20;

type GuestProgress = EvacuationProgress['guests'][number];

/** The part of an output stream that a display uses. */
export interface DisplayStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/**
 * Shows how far an evacuation is. On a terminal it redraws a line for each guest that migrates;
 * elsewhere it writes a line every half minute.
 */
export class EvacuationDisplay {
  readonly #stream: DisplayStream;
  readonly #clock: Clock;
  readonly #isWanted: boolean;
  readonly #pages: readonly number[];
  readonly #prefix: string;
  #drawnLines = 0;
  #startNs: number | undefined;
  #shownNs = -Infinity;

  /** `prefix` is put before the first line, and tells one evacuation of several from the others. */
  constructor(
    stream: DisplayStream,
    clock: Clock,
    config: EvacuationConfig,
    isWanted: boolean,
    prefix = '',
  ) {
    this.#stream = stream;
    this.#clock = clock;
    this.#isWanted = isWanted;
    this.#prefix = prefix;
    this.#pages = config.guests.map(({ config: { guest } }) => guest.memoryBytes / guest.pageSize);
  }

  /** Shows the progress, unless the display was updated a moment ago. */
  show(progress: EvacuationProgress): void {
    if (!this.#isWanted) return;
    const nowNs = this.#clock.now();
    this.#startNs ??= nowNs;
    if (this.#stream.isTTY) {
      if (nowNs - this.#shownNs < REDRAW_NS) return;
      this.#shownNs = nowNs;
      this.#draw(this.#lines(progress, nowNs));
      return;
    }
    if (nowNs - Math.max(this.#shownNs, this.#startNs) < LINE_NS) return;
    this.#shownNs = nowNs;
    this.#stream.write(`${this.#headline(progress, nowNs)}\n`);
  }

  /** Writes a line that is not redrawn. */
  note(text: string): void {
    this.stop();
    if (this.#isWanted) this.#stream.write(`${text}\n`);
  }

  /** Clears the display. */
  stop(): void {
    if (this.#isWanted && this.#stream.isTTY) this.#draw([]);
  }

  #draw(lines: readonly string[]): void {
    // The cursor goes back to the first line drawn last time, and everything from there on is cleared.
    const back = this.#drawnLines > 0 ? `\x1b[${this.#drawnLines}A` : '';
    const text = lines.map((line) => `${line}\n`).join('');
    if (back !== '' || text !== '') this.#stream.write(`${back}\r\x1b[J${text}`);
    this.#drawnLines = lines.length;
  }

  #lines(progress: EvacuationProgress, nowNs: number): string[] {
    const room = Math.max(1, (this.#stream.rows ?? 24) - 3);
    const width = this.#stream.columns ?? 80;
    const migrating = progress.guests
      .map((guest, index) => ({ guest, pages: this.#pages[index]! }))
      .filter(({ guest }) => guest.state === 'migrating');
    const names = Math.max(0, ...migrating.map(({ guest }) => guest.name.length));
    const shown = migrating.slice(0, room);
    const more = migrating.length - shown.length;
    return [
      this.#headline(progress, nowNs).slice(0, width - 1),
      ...shown.map(({ guest, pages }) => guestLine(guest, pages, names, width - 1)),
      ...(more > 0 ? [`  and ${more} more`] : []),
    ];
  }

  #headline({ nowNs: atNs, guests }: EvacuationProgress, nowNs: number): string {
    const count = (state: GuestProgress['state']): number =>
      guests.filter((guest) => guest.state === state).length;
    const stayed = guests.filter(
      ({ state, outcome }) => state === 'over' && outcome !== undefined && outcome !== 'completed',
    ).length;
    const share = this.#share(guests);
    const elapsedNs = nowNs - this.#startNs!;
    const leftNs = (elapsedNs * (1 - share)) / share;
    const estimate = share >= LEAST_SHARE ? `, about ${roughly(leftNs)} left` : '';
    const failed = stayed > 0 ? `, ${stayed} stayed` : '';
    const parts = `${count('over') - stayed} of ${guests.length} gone${failed}, ${count('migrating')} migrate, ${count('waiting')} wait`;
    return `${this.#prefix}${(atNs / 1e9).toFixed(1)} s  ${parts}${estimate}`;
  }

  /** The share of the guests' memory that has been sent once; pages that are sent again don't lower it. */
  #share(guests: readonly GuestProgress[]): number {
    let done = 0;
    let all = 0;
    for (const [index, { state, round = 1, pagesLeft }] of guests.entries()) {
      const pages = this.#pages[index]!;
      all += pages;
      if (state === 'over' || (state === 'migrating' && round > 1)) done += pages;
      else if (state === 'migrating') done += Math.max(0, pages - (pagesLeft ?? pages));
    }
    return all === 0 ? 1 : done / all;
  }
}

/** Formats a time in whole seconds or minutes, because an estimate is not more exact. */
function roughly(ns: number): string {
  const seconds = Math.max(1, Math.round(ns / 1e9));
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

function guestLine(guest: GuestProgress, pages: number, names: number, width: number): string {
  const { name, round: number = 1, pagesLeft = pages } = guest;
  const done = Math.min(1, Math.max(0, 1 - pagesLeft / Math.max(1, pages)));
  const filled = Math.round(done * BAR);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)}`;
  const rest = ` ${bar} round ${String(number).padEnd(3)} ${formatCount(pagesLeft).padStart(6)} pages left`;
  const shown = name.padEnd(names).slice(0, Math.max(4, width - rest.length - 2));
  return `  ${colours.bold(shown)}${rest}`;
}
