import type { Clock } from '../clock/clock.ts';
import type { FleetProgress } from '../fleet/datacentre/report.ts';
import { colours } from './colours.ts';
import { cut, fitLine, lineWidth } from './columns.ts';
import { formatCount } from './format.ts';
import { type DisplayStream, timeLeft } from './progress.ts';
import { LINE_NS, REDRAW_NS, RedrawnLines } from './redrawn-lines.ts';

type Host = FleetProgress['hosts'][number];

/** Parts of the threshold of hotspots from which on a cell has the next colour: free, busy, and nearly too busy. */
const BUSY = 0.5;
const WARM = 0.8;
const CELLS = '▁▂▃▄▅▆▇█';
/** So many migrations have an arrow of their own. */
const MOST_ARROWS = 8;

/**
 * Shows how a fleet lives: on a terminal a map of its racks, in which each host is a cell as high and as red as its CPUs
 * are busy, and an arrow for each migration; elsewhere a line every half minute.
 */
export class FleetDisplay {
  readonly #stream: DisplayStream;
  readonly #clock: Clock;
  readonly #isWanted: boolean;
  readonly #beganNs: number;
  readonly #lines: RedrawnLines;
  #shownNs: number;

  constructor(stream: DisplayStream, clock: Clock, isWanted: boolean) {
    this.#stream = stream;
    this.#clock = clock;
    this.#isWanted = isWanted;
    this.#lines = new RedrawnLines(stream);
    this.#beganNs = clock.now();
    this.#shownNs = this.#beganNs;
  }

  /** Shows the state of a fleet, unless the display was updated a moment ago. */
  show(progress: FleetProgress): void {
    const nowNs = this.#clock.now();
    const { isTTY } = this.#stream;
    if (!this.#isWanted || nowNs - this.#shownNs < (isTTY ? REDRAW_NS : LINE_NS)) return;
    this.#shownNs = nowNs;
    const width = lineWidth(this.#stream) - 1;
    const headline = this.#headline(progress, nowNs, width);
    if (!isTTY) {
      this.#stream.write(`${headline}\n`);
      return;
    }
    const room = Math.max(1, (this.#stream.rows ?? 24) - 3);
    const lines = [...rackLines(progress, width), ...arrowLines(progress, width)];
    this.#lines.draw([headline, ...lines.slice(0, room)]);
  }

  /** Clears the display. */
  stop(): void {
    if (this.#isWanted && this.#stream.isTTY) this.#lines.draw([]);
  }

  #headline(progress: FleetProgress, nowNs: number, width: number): string {
    const { nowNs: atNs, durationNs, migrations, migrating, violationNs } = progress;
    const hot = progress.hosts.filter(({ cpu }) => cpu > progress.threshold).length;
    return fitLine(
      [
        { text: `${seconds(atNs)} of ${seconds(durationNs)} s`, weight: Infinity },
        { text: hot > 0 ? colours.red(`${hot} hot`) : colours.green('no hot host'), weight: 5 },
        { text: `${formatCount(migrating.length)} migrate`, weight: 4 },
        { text: `${formatCount(migrations)} so far`, weight: 3 },
        { text: `${seconds(violationNs)} s of violations`, weight: 2 },
        { text: timeLeft(nowNs - this.#beganNs, Math.min(1, atNs / durationNs)), weight: 3 },
      ],
      width,
    );
  }
}

const seconds = (ns: number): string => (ns / 1e9).toFixed(0);

/** Returns the map: a line for each rack, or several when it has more hosts than fit on one. */
export function rackLines(
  { hosts, threshold }: Pick<FleetProgress, 'hosts' | 'threshold'>,
  width: number,
): string[] {
  const racks = new Map<string, Host[]>();
  for (const host of hosts) {
    const rack = racks.get(host.rack);
    if (rack) rack.push(host);
    else racks.set(host.rack, [host]);
  }
  const label = Math.max(...[...racks.keys()].map((rack) => rack.length));
  const room = Math.max(8, Math.min(width, 200) - label - 2);
  return [...racks].flatMap(([rack, own]) => {
    const rows: string[] = [];
    for (let from = 0; from < own.length; from += room) {
      const name = from === 0 ? rack : '';
      const cells = own.slice(from, from + room).map((host) => cell(host, threshold));
      rows.push(`${name.padEnd(label)}  ${cells.join('')}`);
    }
    return rows;
  });
}

function cell({ cpu, vms }: Host, threshold: number): string {
  if (vms === 0) return colours.dim('·');
  const bar = CELLS[Math.min(CELLS.length - 1, Math.floor(cpu * CELLS.length))]!;
  if (cpu > threshold) return colours.red(bar);
  if (cpu > WARM * threshold) return colours.yellow(bar);
  return cpu > BUSY * threshold ? colours.cyan(bar) : colours.green(bar);
}

function arrowLines({ migrating }: FleetProgress, width: number): string[] {
  const lines = migrating
    .slice(0, MOST_ARROWS)
    .map(({ vm, from, to, pagesLeft }) =>
      cut(`  ${colours.bold(vm)}  ${from} ──▶ ${to}  ${formatCount(pagesLeft)} pages left`, width),
    );
  const more = migrating.length - lines.length;
  return more > 0 ? [...lines, `  and ${more} more`] : lines;
}
