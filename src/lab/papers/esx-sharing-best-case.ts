import { z } from 'zod';
import type { HostSample } from '../../fleet/host/report.ts';
import { mibOf } from './host-series.ts';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import { type Given, hostReportOf, type OnRun } from './result-of.ts';

const input = z.strictObject({
  /** How far our share of reclaimed memory may be from the paper's, in points of the guests' memory. */
  goalPoints: z.number().positive(),
  /** The slope of the paper's reclaimed memory, MiB a guest, and the largest relative error that meets the goal. */
  slope: z.number(),
  slopeGoal: z.number().positive(),
  /** For each number of guests from 1 on, the paper's memory in MiB: of all guests, shared, reclaimed, zero pages. */
  paper: z.array(z.tuple([z.number(), z.number(), z.number(), z.number()])),
  /** Where guest i lacks common pages: it begins at `firstMiB + i · stepMiB` and has `sizeMiB`. */
  lacks: z.strictObject({ firstMiB: z.number(), stepMiB: z.number(), sizeMiB: z.number() }),
});

type Input = z.output<typeof input>;

/** A guest of a host's document, as far as this experiment varies it. */
interface WrittenGuest {
  readonly name: string;
  readonly guest: { readonly memory: string | number; readonly contents: readonly object[] };
}

/**
 * Figure 4 of Waldspurger, OSDI 2002: one to ten guests with the same system and the same programs, and how much memory
 * content-based sharing saves in half an hour of real scanning. Every page that counts was hashed and compared.
 */
export async function esxSharingBestCase(
  onRun: OnRun,
  { loadHost, data }: Given,
): Promise<Figures> {
  const given = input.parse(data);
  const model = loadHost().file.guests[0] as unknown as WrittenGuest;
  const counts = given.paper.map((_, index) => index + 1);
  const seen: Memory[] = [];
  for (const count of counts) {
    const guests = Array.from({ length: count }, (_, i) => guestOf(model, i, given.lacks));
    const loaded = loadHost([`guests=${JSON.stringify(guests)}`]);
    const { samples } = await hostReportOf(loaded);
    const bytes = loaded.config.guests.reduce(
      (sum, { config }) => sum + config.guest.memoryBytes,
      0,
    );
    seen.push(memoryOf(samples.at(-1)!, bytes));
    onRun(count, counts.length);
  }
  return {
    x: { label: 'guests', log: false },
    y: { label: 'share of the guests’ memory', unit: '%', log: false },
    series: seriesOf(given, seen),
  };
}

/** Returns guest number `index`: the model with pages of its own in place of some that the others have in common. */
function guestOf(model: WrittenGuest, index: number, lacks: Input['lacks']): WrittenGuest {
  const { firstMiB, stepMiB, sizeMiB } = lacks;
  const own = {
    kind: 'random',
    region: { start: `${firstMiB + index * stepMiB}MiB`, size: `${sizeMiB}MiB` },
  };
  const contents = [...model.guest.contents, own];
  return { ...model, name: `guest-${index + 1}`, guest: { ...model.guest, contents } };
}

/** Memory in MiB. */
interface Memory {
  readonly all: number;
  readonly shared: number;
  readonly reclaimed: number;
  readonly zero: number;
}

function memoryOf(sample: HostSample, bytes: number): Memory {
  const shared = sample.guests.reduce((sum, guest) => sum + guest!.shared, 0);
  return {
    all: bytes / 2 ** 20,
    shared: mibOf(shared),
    reclaimed: mibOf(sample.savedPages),
    zero: mibOf(sample.zeroPages),
  };
}

function seriesOf(given: Input, seen: readonly Memory[]): OutcomeSeries[] {
  const { paper, goalPoints, slope, slopeGoal } = given;
  const shares = (
    name: string,
    theirs: (all: number, shared: number, reclaimed: number) => number,
    ours: (of: Memory) => number,
    points?: number,
  ): OutcomeSeries => ({
    name,
    isUnverified: true,
    points: paper.map(([all, shared, reclaimed], i) => {
      const percent = theirs(all, shared, reclaimed) * 100;
      // A goal in points is another relative error at each value.
      const goal = points === undefined ? {} : { goal: points / percent };
      return pointOf(i + 1, percent, ours(seen[i]!) * 100, goal);
    }),
  });
  const zero: OutcomeSeries = {
    name: 'zero pages, MiB',
    isUnverified: true,
    isAside: true,
    points: paper.map(([, , , mib], i) => pointOf(i + 1, mib, seen[i]!.zero)),
  };
  return [
    shares(
      'reclaimed',
      (all, _, reclaimed) => reclaimed / all,
      ({ all, reclaimed }) => reclaimed / all,
      goalPoints,
    ),
    shares(
      'shared',
      (all, shared) => shared / all,
      ({ all, shared }) => shared / all,
    ),
    shares(
      'shared − reclaimed',
      (all, shared, reclaimed) => (shared - reclaimed) / all,
      ({ all, shared, reclaimed }) => (shared - reclaimed) / all,
    ),
    zero,
    {
      name: 'reclaimed, MiB a further guest, from the second on',
      isUnverified: true,
      isAside: true,
      goal: slopeGoal,
      points: [pointOf(seen.length, slope, slopeOf(seen), { goal: slopeGoal })],
    },
  ];
}

/** Returns the slope of reclaimed memory from the second guest on, by least squares. */
function slopeOf(seen: readonly Memory[]): number {
  const points = seen.flatMap(({ reclaimed }, i) => (i === 0 ? [] : [[i + 1, reclaimed] as const]));
  const mean = (of: 0 | 1): number =>
    points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const covariance = points.reduce((sum, [a, b]) => sum + (a - x) * (b - y), 0);
  return covariance / points.reduce((sum, [a]) => sum + (a - x) ** 2, 0);
}
