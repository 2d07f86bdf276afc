import { z } from 'zod';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import { evacuationResultOf, type Given, type OnRun } from './result-of.ts';

const values = z.array(z.number().nullable());

const input = z.strictObject({
  /** How many guests leave together. */
  counts: z.array(z.number().int()),
  /** The memory of each, and what part of it is zero, and is in common with all others. */
  memoryMiB: z.number(),
  zeroShare: z.number(),
  commonShare: z.number(),
  /** The largest relative error of the traffic that meets the goal. */
  goal: z.number().positive(),
  /** The paper's values in percent, by number of guests. */
  paper: z.strictObject({ zero: values, references: values, time: values }),
});

type Input = z.output<typeof input>;

/** How an evacuation went: the bytes of all frames, and how long it took. */
interface Cost {
  readonly bytes: number;
  readonly ms: number;
}

/**
 * The traffic and the total time of Deshpande et al., HPDC 2011: equal pages of guests that leave together are sent once.
 * What they have in common is put in; that the references find all of it, and what that saves, is measured.
 */
export async function gangMigration(
  onRun: OnRun,
  { loadEvacuation, data }: Given,
): Promise<Figures> {
  const given = input.parse(data);
  const { counts, goal, paper } = given;
  let done = 0;
  const costOf = async (count: number, encodings: string): Promise<Cost> => {
    const sets = [`guests=${JSON.stringify([guests(given, count)])}`, `sample=${count}`];
    const loaded = loadEvacuation([...sets, `migration.encodings=${encodings}`]);
    const { bytes, makespanMs } = await evacuationResultOf(loaded);
    onRun(++done, 2 * counts.length);
    return { bytes, ms: makespanMs };
  };
  const saved = {
    zero: new Array<number>(),
    references: new Array<number>(),
    time: new Array<number>(),
  };
  for (const count of counts) {
    const memoryBytes = count * given.memoryMiB * 1024 * 1024;
    const zero = await costOf(count, '[zero]');
    const references = await costOf(count, '[zero, reference]');
    saved.zero.push(percentLess(memoryBytes, zero.bytes));
    saved.references.push(percentLess(memoryBytes, references.bytes));
    saved.time.push(percentLess(zero.ms, references.ms));
  }
  const series = (
    name: string,
    part: keyof typeof saved,
    own: { goal?: number },
  ): OutcomeSeries => ({
    name,
    isUnverified: true,
    ...own,
    points: counts.map((count, i) => pointOf(count, paper[part][i] ?? null, saved[part][i]!, own)),
  });
  return {
    x: { label: 'guests that leave together', log: false },
    y: { label: 'saved', unit: '%', log: false },
    series: [
      series('traffic, zero pages', 'zero', { goal }),
      series('traffic, equal pages', 'references', { goal }),
      series('time', 'time', {}),
    ],
  };
}

const percentLess = (of: number, left: number): number => (1 - left / of) * 100;

/** Returns a group of guests: pages that all of them have, pages of each one's own, and then pages of zeros. */
function guests({ memoryMiB, zeroShare, commonShare }: Input, count: number): object {
  const pages = memoryMiB * 256;
  const commonPages = Math.round(pages * commonShare);
  const ownPages = pages - commonPages - Math.round(pages * zeroShare);
  return {
    name: 'idle',
    count,
    guest: {
      memory: pages * 4096,
      contents: [
        { kind: 'random', region: region(0, commonPages), seed: 2011 },
        { kind: 'random', region: region(commonPages, ownPages) },
      ],
    },
  };
}

/** Returns a region of a scenario; its place and its size are pages. */
const region = (start: number, size: number): object => ({
  start: start * 4096,
  size: size * 4096,
});
