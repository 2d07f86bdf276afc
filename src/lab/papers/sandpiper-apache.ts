import { z } from 'zod';
import {
  type Lived,
  liveTwice,
  movesOf,
  numberOf,
  overTime,
  tableSeries,
  type View,
} from './fleet-series.ts';
import { drawn } from './host-series.ts';
import type { Figures, OutcomeSeries } from './outcome.ts';
import type { Given, OnRun } from './result-of.ts';

/** What the paper has for each of the two ways to look at guests. */
const both = <Schema extends z.ZodType>(of: Schema) => z.strictObject({ black: of, gray: of });

const pair = z.tuple([z.number(), z.number()]);

const input = z.strictObject({
  /** Points in time in seconds, with the response times of figure 7 in ms. */
  response: both(z.array(pair)),
  /** A point in time while the host is too busy, with the middle of the paper's response times around it. */
  busy: both(pair),
  busyGoal: z.number().positive(),
  /** When the hotspot is found, in seconds, and by how much ours may differ. */
  detected: z.number(),
  withinS: z.number().positive(),
  /** The number of the guest that each migration moves, and of the host that it goes to. */
  moves: both(z.array(z.tuple([z.number().int(), z.number().int()]))),
  /** The time from the detection to the end of the last migration, in seconds. */
  lasted: both(z.number()),
  lastedGoal: z.number().positive(),
  /** Response times below it are acceptable, in ms. */
  acceptableMs: z.number().positive(),
  /** By how many % sooner they are acceptable when guests are seen from inside. */
  sooner: z.number(),
  soonerGoal: z.number().positive(),
  /** The peaks of figure 8 in MB/s, of one migration after another, or of all that go on at the same time. */
  sent: both(z.array(z.number())),
  sentGoal: z.number().positive(),
});

type Input = z.output<typeof input>;
type Life = View & Lived;

/**
 * Figures 7 and 8 of Wood et al., NSDI 2007: three web servers on a host that is too busy for them, which Sandpiper
 * moves by what they seem to need from outside, or by the requests that come, as they are known inside.
 */
export async function sandpiperApache(onRun: OnRun, experiment: Given): Promise<Figures> {
  const given = input.parse(experiment.data);
  const lives = await liveTwice(onRun, experiment);
  return {
    x: { label: 'time', unit: 's', log: false },
    y: { label: 'response time', unit: 'ms', log: false },
    series: [
      ...lives.flatMap((one) => responsesOf(one, given)),
      ...lives.map((one) => detectionOf(one, given)),
      ...lives.flatMap((one) => movesOfLife(one, given)),
      ...lives.map((one) => lengthOf(one, given)),
      soonerOf(lives, given),
      ...lives.map((one) => rateOf(one, given)),
    ],
  };
}

/** Returns the mean response time in ms of the application whose requests take longest, for each interval. */
function worstOf({ report, intervalS }: Lived): [number, number][] {
  const all = report.applications.map(({ series }) => series.meanNs);
  const worst = all[0]!.map((_, i) => Math.max(...all.map((meanNs) => (meanNs[i] ?? 0) / 1e6)));
  return overTime(worst, intervalS);
}

function responsesOf(life: Life, { response, busy, busyGoal }: Input): OutcomeSeries[] {
  const { kind, seen } = life;
  const over = worstOf(life);
  const [atS, paper] = busy[kind];
  return [
    drawn(seen, over, { paper: new Map(response[kind]) }),
    tableSeries(
      `response time while the host is too busy, ${seen}`,
      [[atS, paper, new Map(over).get(atS)!]],
      { goal: busyGoal, isUnverified: true },
    ),
  ];
}

/** The time at which the first hotspot is found, in seconds. */
const detectedS = ({ report }: Lived): number =>
  (report.decisions.find(({ hotspots }) => hotspots.length > 0)?.atNs ?? 0) / 1e9;

const detectionOf = (life: Life, { detected, withinS }: Input): OutcomeSeries =>
  tableSeries(
    `s until the hotspot is found, ${life.seen}, to within ${withinS} s`,
    [[1, detected, detectedS(life)]],
    { within: withinS },
  );

/** Migrations that begin together have no order but that of their guests' numbers. */
function movesOfLife({ kind, seen, report }: Life, { moves }: Input): OutcomeSeries[] {
  const ours = report.migrations.toSorted(
    (a, b) => a.askedNs - b.askedNs || numberOf(a.vm) - numberOf(b.vm),
  );
  return movesOf(moves[kind], ours, seen);
}

function lengthOf(life: Life, { lasted, lastedGoal }: Input): OutcomeSeries {
  const endS = Math.max(...life.report.migrations.map(({ endNs }) => endNs)) / 1e9;
  return tableSeries(
    `s from the hotspot to the end of the last migration, ${life.seen}`,
    [[1, lasted[life.kind], endS - detectedS(life)]],
    { goal: lastedGoal },
  );
}

function soonerOf(
  lives: readonly Life[],
  { acceptableMs, sooner, soonerGoal }: Input,
): OutcomeSeries {
  const [black, gray] = lives.map((life) => {
    const last = worstOf(life).findLast(([, ms]) => ms > acceptableMs);
    return (last?.[0] ?? 0) - detectedS(life);
  });
  return tableSeries(
    '% sooner that responses are acceptable, seen from inside',
    [[1, sooner, 100 * (1 - gray! / black!)]],
    { goal: soonerGoal },
  );
}

function rateOf({ kind, seen, report }: Life, { sent, sentGoal }: Input): OutcomeSeries {
  const rates = report.migrations.map(
    ({ sentBytes, startNs, endNs }) => (sentBytes / (endNs - startNs)) * 1e3,
  );
  const isOne = sent[kind].length === 1;
  const ours = isOne ? [rates.reduce((sum, rate) => sum + rate, 0)] : rates;
  return tableSeries(
    isOne ? `MB/s of all migrations, ${seen}` : `MB/s of the 1st, 2nd, 3rd migration, ${seen}`,
    sent[kind].map((paper, i) => [i + 1, paper, ours[i] ?? 0]),
    { goal: sentGoal, isUnverified: true },
  );
}
