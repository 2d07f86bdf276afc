import { z } from 'zod';
import type { FleetReport } from '../../fleet/datacentre/report.ts';
import { drawn } from './host-series.ts';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import { fleetReportOf, type Given, type OnRun } from './result-of.ts';

const input = z.strictObject({
  /** The share of each host's CPU that the paper's figure has at points in time, in seconds. */
  hosts: z.array(
    z.strictObject({ name: z.string(), points: z.array(z.tuple([z.number(), z.number()])) }),
  ),
  goal: z.number().positive(),
  /** When the paper's hotspots are detected, in seconds, and by how much ours may differ. */
  detections: z.array(z.number()).default([]),
  /** When the paper's migrations have ended, in seconds. */
  ends: z.array(z.number()).default([]),
  withinS: z.number().positive(),
  /** The number of the guest that each migration moves, and of the host that it goes to; without a number it is 0. */
  moves: z.array(z.tuple([z.number().int(), z.number().int()])),
});

type Input = z.output<typeof input>;

/**
 * Figures 3 and 4 and table 1 of Wood et al., NSDI 2007: how busy hosts are over time, when hotspots are found, and
 * which guests Sandpiper moves off their hosts.
 */
export async function sandpiperMigration(
  onRun: OnRun,
  { loadFleet, data }: Given,
): Promise<Figures> {
  const given = input.parse(data);
  const loaded = loadFleet();
  const report = await fleetReportOf(loaded);
  onRun(1, 1);
  const intervalS = loaded.config.monitor.intervalNs / 1e9;
  return {
    x: { label: 'time', unit: 's', log: false },
    y: { label: 'CPU', unit: '%', log: false },
    series: [
      ...given.hosts.flatMap((host) => curvesOf(host, given.goal, report, intervalS)),
      ...detectionsOf(given, report),
      ...endsOf(given, report),
      ...movesOf(given, report),
    ],
  };
}

function curvesOf(
  { name, points }: Input['hosts'][number],
  goal: number,
  { hosts }: FleetReport,
  intervalS: number,
): OutcomeSeries[] {
  const { cpu } = hosts.find((host) => host.name === name)!.series;
  const over = cpu.map((use, i): [number, number] => [(i + 1) * intervalS, 100 * use]);
  const paper = new Map(points.map(([atS, use]) => [atS, 100 * use]));
  const ours = new Map(over);
  return [
    drawn(`CPU of ${name}`, over, { paper }),
    {
      name: `CPU of ${name}, by the time`,
      isUnverified: true,
      isAside: true,
      goal,
      points: points.map(([atS, use]) => pointOf(atS, 100 * use, ours.get(atS)!, { goal })),
    },
  ];
}

function detectionsOf({ detections, withinS }: Input, { decisions }: FleetReport): OutcomeSeries[] {
  if (detections.length === 0) return [];
  const found = decisions.filter(({ hotspots }) => hotspots.length > 0);
  const points = detections.map((paper, i) =>
    pointOf(i + 1, paper, (found[i]?.atNs ?? 0) / 1e9, { goal: withinS / paper }),
  );
  const name = `s until the detection of the 1st, 2nd hotspot, to within ${withinS} s`;
  return [{ name, isUnverified: false, isAside: true, points }];
}

function endsOf({ ends, withinS }: Input, { migrations }: FleetReport): OutcomeSeries[] {
  if (ends.length === 0) return [];
  const points = ends.map((paper, i) =>
    pointOf(i + 1, paper, (migrations[i]?.endNs ?? 0) / 1e9, { goal: withinS / paper }),
  );
  const name = `s until the end of the 1st, 2nd, 3rd migration, to within ${withinS} s`;
  return [{ name, isUnverified: false, isAside: true, points }];
}

/** The moves are numbers of guests and hosts, of which any error is a wrong one. */
function movesOf({ moves }: Input, { migrations }: FleetReport): OutcomeSeries[] {
  const goal = 1e-9;
  const series = (name: string, of: (move: Input['moves'][number]) => number, ours: number[]) => ({
    name,
    isUnverified: false,
    isAside: true,
    goal,
    points: moves.map((move, i) => pointOf(i + 1, of(move), ours[i] ?? 0, { goal })),
  });
  return [
    series(
      'number of the guest that migrates, of the 1st, 2nd, 3rd',
      ([guest]) => guest,
      migrations.map(({ vm }) => numberOf(vm)),
    ),
    series(
      'number of the host that it goes to',
      ([, host]) => host,
      migrations.map(({ to }) => numberOf(to)),
    ),
    {
      name: 'migrations in all',
      isUnverified: false,
      isAside: true,
      goal,
      points: [pointOf(moves.length, moves.length, migrations.length, { goal })],
    },
  ];
}

const numberOf = (name: string | undefined): number => Number(/\d+$/.exec(name ?? '')?.[0] ?? 0);
