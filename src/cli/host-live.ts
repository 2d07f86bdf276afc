import type { Clock } from '../clock/clock.ts';
import type { HostConfig } from '../fleet/host/config.ts';
import type { GuestSample, HostSample } from '../fleet/host/report.ts';
import type { MemoryState } from '../overcommit/memory-state.ts';
import { formatSize } from '../units/size.ts';
import { colours } from './colours.ts';
import { type Column, fitLine, layOut, lineWidth } from './columns.ts';
import { type DisplayStream, timeLeft } from './progress.ts';
import { LINE_NS, REDRAW_NS, RedrawnLines } from './redrawn-lines.ts';

/** Guest, allocated, target, active, ballooned, shared, swapped. */
const COLUMNS: readonly Column[] = [Infinity, 9, 4, 8, 7, 6, 5].map((weight) => ({ weight }));
const HEAD = ['guest', 'allocated', 'target', 'active', 'ballooned', 'shared', 'swapped'];

export const STATE_COLOURS: Readonly<Record<MemoryState, (text: string) => string>> = {
  high: colours.green,
  soft: colours.yellow,
  hard: colours.red,
  low: colours.red,
};

/** Shows how a host lives: on a terminal a line for each guest that is redrawn, elsewhere a line every half minute. */
export class HostDisplay {
  readonly #stream: DisplayStream;
  readonly #clock: Clock;
  readonly #config: HostConfig;
  readonly #isWanted: boolean;
  readonly #beganNs: number;
  #shownNs: number;
  readonly #lines: RedrawnLines;

  constructor(stream: DisplayStream, clock: Clock, config: HostConfig, isWanted: boolean) {
    this.#stream = stream;
    this.#lines = new RedrawnLines(stream);
    this.#clock = clock;
    this.#config = config;
    this.#isWanted = isWanted;
    this.#beganNs = clock.now();
    this.#shownNs = this.#beganNs;
  }

  showSetUp(): void {
    if (this.#isWanted && this.#stream.isTTY) this.#lines.draw(["filling the guests' memory"]);
  }

  showProof(): void {
    if (this.#isWanted && this.#stream.isTTY) this.#lines.draw(['proving the guests']);
  }

  /** Shows a sample, unless the display was updated a moment ago. */
  show(sample: HostSample): void {
    const nowNs = this.#clock.now();
    const { isTTY } = this.#stream;
    if (!this.#isWanted || nowNs - this.#shownNs < (isTTY ? REDRAW_NS : LINE_NS)) return;
    this.#shownNs = nowNs;
    const headline = this.#headline(sample, nowNs);
    if (isTTY) this.#lines.draw([headline, ...this.#table(sample)]);
    else this.#stream.write(`${headline}\n`);
  }

  /** Clears the display. */
  stop(): void {
    if (this.#isWanted && this.#stream.isTTY) this.#lines.draw([]);
  }

  #headline({ atNs, state, freePages, savedPages }: HostSample, nowNs: number): string {
    const { durationNs, host } = this.#config;
    const share = durationNs === 0 ? 1 : atNs / durationNs;
    const size = (pages: number): string => formatSize(pages * host.pageSize);
    return fitLine(
      [
        {
          text: `${(atNs / 1e9).toFixed(0)} of ${(durationNs / 1e9).toFixed(0)} s`,
          weight: Infinity,
        },
        { text: STATE_COLOURS[state](state), weight: 5 },
        { text: `${size(freePages)} free`, weight: 4 },
        { text: `${size(savedPages)} saved by sharing`, weight: 2 },
        { text: timeLeft(nowNs - this.#beganNs, share), weight: 3 },
      ],
      lineWidth(this.#stream) - 1,
    );
  }

  #table({ guests }: HostSample): string[] {
    const room = Math.max(1, (this.#stream.rows ?? 24) - 4);
    const rows = this.#config.guests.flatMap(({ name }, index) => {
      const sample = guests[index];
      return sample ? [guestCells(name, sample, this.#config.host.pageSize)] : [];
    });
    const more = rows.length - room;
    const lines = layOut(COLUMNS, [HEAD, ...rows.slice(0, room)], lineWidth(this.#stream) - 1);
    return [colours.dim(lines[0]), ...lines.slice(1), ...(more > 0 ? [`and ${more} more`] : [])];
  }
}

function guestCells(name: string, sample: GuestSample, pageSize: number): string[] {
  const { allocated, target, active, ballooned, shared, swapped } = sample;
  const sizes = [allocated, target, active, ballooned, shared, swapped];
  return [name, ...sizes.map((pages) => formatSize(pages * pageSize))];
}
