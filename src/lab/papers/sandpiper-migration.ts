import { z } from 'zod';
import type { FleetReport } from '../../fleet/datacentre/report.ts';
import { movesOf, overTime, tableSeries } from './fleet-series.ts';
import { drawn } from './host-series.ts';
import type { Figures, OutcomeSeries } from './outcome.ts';
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
      ...movesOf(given.moves, report.migrations),
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
  const over = overTime(cpu, intervalS, (use) => 100 * use);
  const paper = new Map(points.map(([atS, use]) => [atS, 100 * use]));
  const ours = new Map(over);
  return [
    drawn(`CPU of ${name}`, over, { paper }),
    tableSeries(
      `CPU of ${name}, by the time`,
      points.map(([atS, use]) => [atS, 100 * use, ours.get(atS)!]),
      { goal, isUnverified: true },
    ),
  ];
}

function detectionsOf({ detections, withinS }: Input, { decisions }: FleetReport): OutcomeSeries[] {
  if (detections.length === 0) return [];
  const found = decisions.filter(({ hotspots }) => hotspots.length > 0);
  const name = `s until the detection of the 1st, 2nd hotspot, to within ${withinS} s`;
  const at = (i: number): number => (found[i]?.atNs ?? 0) / 1e9;
  return [
    tableSeries(
      name,
      detections.map((paper, i) => [i + 1, paper, at(i)]),
      { within: withinS },
    ),
  ];
}

function endsOf({ ends, withinS }: Input, { migrations }: FleetReport): OutcomeSeries[] {
  if (ends.length === 0) return [];
  const name = `s until the end of the 1st, 2nd, 3rd migration, to within ${withinS} s`;
  const at = (i: number): number => (migrations[i]?.endNs ?? 0) / 1e9;
  return [
    tableSeries(
      name,
      ends.map((paper, i) => [i + 1, paper, at(i)]),
      { within: withinS },
    ),
  ];
}
