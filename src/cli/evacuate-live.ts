import type { Clock } from '../clock/clock.ts';
import type { EvacuationConfig } from '../fleet/evacuation/config.ts';
import type { EvacuationProgress } from '../fleet/evacuation/report.ts';
import type { SetUpProgress } from '../runtime/world/world.ts';
import { colours } from './colours.ts';
import { type Column, fitLine, layOut, lineWidth } from './columns.ts';
import { formatCount } from './format.ts';
import { describeSetUp } from './live.ts';
import { type DisplayStream, type Part, Share, timeLeft } from './progress.ts';
import { LINE_NS, REDRAW_NS, RedrawnLines } from './redrawn-lines.ts';

const BAR = 20;

type GuestProgress = EvacuationProgress['guests'][number];

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
  readonly #redrawn: RedrawnLines;
  readonly #setUp: Share;
  /** When the first migrations were shown. */
  #startNs: number | undefined;
  /** When anything was to be shown for the first time. */
  #beganNs: number | undefined;
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
    this.#redrawn = new RedrawnLines(stream);
    this.#clock = clock;
    this.#isWanted = isWanted;
    this.#prefix = prefix;
    this.#setUp = new Share(clock);
    this.#pages = config.guests.map(({ config: { guest } }) => guest.memoryBytes / guest.pageSize);
  }

  /** Shows the progress, unless the display was updated a moment ago. */
  show(progress: EvacuationProgress): void {
    const nowNs = this.#clock.now();
    this.#startNs ??= nowNs;
    this.#showNow(
      nowNs,
      () => this.#lines(progress, nowNs),
      () => this.#headline(progress, nowNs),
    );
  }

  /** Shows how much of the guests' memory is filled, unless the display was updated a moment ago. */
  showSetUp(progress: SetUpProgress): void {
    const line = (): string => this.#fit(describeSetUp(progress, this.#setUp));
    this.#showNow(this.#clock.now(), () => [line()], line);
  }

  #showNow(nowNs: number, lines: () => readonly string[], headline: () => string): void {
    if (!this.#isWanted) return;
    if (this.#stream.isTTY) {
      if (nowNs - this.#shownNs < REDRAW_NS) return;
      this.#shownNs = nowNs;
      this.#redrawn.draw(lines());
      return;
    }
    this.#beganNs ??= nowNs;
    if (nowNs - Math.max(this.#shownNs, this.#beganNs) < LINE_NS) return;
    this.#shownNs = nowNs;
    this.#stream.write(`${headline()}\n`);
  }

  /** A line may not reach a terminal's last column, where some go on to the next line. */
  #fit(parts: readonly Part[]): string {
    return fitLine(parts, lineWidth(this.#stream) - 1);
  }

  /** Writes a line that is not redrawn. */
  note(text: string): void {
    this.stop();
    if (this.#isWanted) this.#stream.write(`${text}\n`);
  }

  /** Clears the display. */
  stop(): void {
    if (this.#isWanted && this.#stream.isTTY) this.#redrawn.draw([]);
  }

  #lines(progress: EvacuationProgress, nowNs: number): string[] {
    const room = Math.max(1, (this.#stream.rows ?? 24) - 3);
    const migrating = progress.guests
      .map((guest, index) => ({ guest, pages: this.#pages[index]! }))
      .filter(({ guest }) => guest.state === 'migrating');
    const shown = migrating.slice(0, room);
    const more = migrating.length - shown.length;
    return [
      this.#headline(progress, nowNs),
      ...layOut(
        GUEST_COLUMNS,
        shown.map(({ guest, pages }) => guestCells(guest, pages)),
        lineWidth(this.#stream) - 1 - INDENT.length,
      ).map((line) => `${INDENT}${line}`),
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
    const failed = stayed > 0 ? `, ${stayed} stayed` : '';
    const gone = `${count('over') - stayed} of ${guests.length} gone${failed}`;
    return this.#fit([
      { text: `${this.#prefix}${(atNs / 1e9).toFixed(1)} s`, weight: 4 },
      { text: gone, weight: Infinity },
      { text: `${count('migrating')} migrate`, weight: 2 },
      { text: `${count('waiting')} wait`, weight: 1 },
      { text: timeLeft(elapsedNs, share), weight: 3 },
    ]);
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

const INDENT = '  ';
const GUEST_COLUMNS: readonly Column[] = [
  { weight: Infinity },
  { weight: 1, align: 'left' },
  { weight: 2, align: 'left' },
  { weight: 3 },
];

function guestCells(guest: GuestProgress, pages: number): string[] {
  const { name, round: number = 1, pagesLeft = pages } = guest;
  const done = Math.min(1, Math.max(0, 1 - pagesLeft / Math.max(1, pages)));
  const filled = Math.round(done * BAR);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)}`;
  return [colours.bold(name), bar, `round ${number}`, `${formatCount(pagesLeft)} pages left`];
}
