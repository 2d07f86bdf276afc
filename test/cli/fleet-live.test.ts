import { expect, it } from 'vitest';
import { FleetDisplay } from '../../src/cli/fleet-live.ts';
import type { FleetProgress } from '../../src/fleet/datacentre/report.ts';

it('counts the hosts above the threshold of the scenario as hot', () => {
  const progress: FleetProgress = {
    nowNs: 60e9,
    durationNs: 600e9,
    threshold: 0.5,
    hosts: [0.4, 0.6, 0.9].map((cpu, i) => ({ name: `pm-${i}`, rack: 'a/b', cpu, vms: 1 })),
    migrating: [],
    migrations: 0,
    violationNs: 0,
  };
  const headlineOf = (threshold: number): string => {
    let nowNs = 0;
    let text = '';
    const stream = { isTTY: false, columns: 200, write: (part: string) => (text += part) };
    const display = new FleetDisplay(stream, { now: () => nowNs }, true);
    nowNs = 3600e9;
    display.show({ ...progress, threshold });
    return text;
  };
  expect(headlineOf(0.5)).toContain('2 hot');
  expect(headlineOf(0.75)).toContain('1 hot');
});
