import { describe, expect, it } from 'vitest';
import { touchedPages } from '../../../src/fleet/datacentre/monitor/page-samples.ts';
import type { FleetPolicy } from '../../../src/fleet/datacentre/policies/policy.ts';
import { runFleet } from '../../../src/fleet/datacentre/run.ts';
import { openMemory } from '../../../src/memory/guest-memory.ts';
import { inlineRunner } from '../../../src/runtime/common/work.ts';
import { settleGuest } from '../../../src/runtime/virtual/hosted-guest.ts';
import { fleetOf, moveAt } from './fleets.ts';

const MIB = 2 ** 20;
const PAGES = 4096;

const fileOf = (workloads: string, monitor = '', more = ''): string => `duration: 600s
monitor: { interval: 10s, ${monitor} }
hosts: [{ name: pm, count: 2, cpus: 4, memory: 64MiB }]
guests:
  - { name: vm, guest: { memory: 16MiB, vcpus: 2, workloads: [${workloads}]${more} } }
policy: none
`;

const allPages = new Set(Array.from({ length: PAGES }, (_, gfn) => gfn));

/** Returns the number of writes to each page of the fleet's guest once its vCPUs have run for so long, page by page. */
async function writesAt(text: string, ranNs: number): Promise<Uint32Array> {
  const { config } = fleetOf(text).config.vms[0]!;
  const host = {
    spec: { name: 'pm', cpus: 4, nicBytesPerSecond: Infinity },
    admit: () => {},
    release: () => {},
    hire: () => undefined,
    dismiss: () => {},
  };
  const hosted = await settleGuest({ name: 'vm', host: 'pm', config }, host, inlineRunner, false);
  hosted.guest.leap(ranNs, ranNs);
  const { slots } = openMemory(hosted.source.slots);
  return Uint32Array.from(slots.flatMap(({ ram }) => [...new Uint32Array(ram.slice().buffer)]));
}

describe('the pages that a guest touches in a span of its time', () => {
  it.each([
    ['{ pattern: uniform, rate: 500 }', ''],
    ['{ pattern: zipf, rate: 900 }, { pattern: sequential, rate: 300, vcpu: 1 }', ''],
    ['{ pattern: stride, stride: 12KiB, rate: 400 }', ''],
    ['{ pattern: sequential, rate: 800 }', ', memslots: 3'],
    ['{ pattern: uniform, rate: 400, from: 1s, until: 6s }', ''],
  ])('are those that it writes when it runs page by page: %s%s', async (workloads, more) => {
    const text = fileOf(workloads.replaceAll('rate', 'writes: 1, rate'), '', more);
    const { config } = fleetOf(text).config.vms[0]!;
    const [before, after] = [await writesAt(text, 4e9), await writesAt(text, 7e9)];
    const truly = new Set([...allPages].filter((gfn) => before[gfn] !== after[gfn]));
    const found = touchedPages(config, 4e9, 7e9, allPages);
    expect(truly.size).toBeGreaterThan(400);
    // Each stream begins and ends within an access of what the run has.
    const others = [...allPages].filter((gfn) => truly.has(gfn) !== found.has(gfn));
    expect(others.length).toBeLessThanOrEqual(6);
  });
});

/** 64 % of the memory are in use for the first 300 s, and 25 % from then on. */
const TWO_PHASES = [
  '{ pattern: uniform, rate: 6000, region: { start: 0, size: 10MiB }, until: 300s }',
  '{ pattern: uniform, rate: 6000, region: { start: 0, size: 4MiB }, from: 300s }',
].join(', ');

/** Returns what a policy sees of the guest's working set at the end of each interval. */
async function estimatesOf(text: string) {
  const seen: number[] = [];
  const witness: FleetPolicy = {
    name: 'witness',
    decide: ({ hosts }) => {
      const { workingSet } = hosts[0]!.vms[0]!.readings;
      seen.push(workingSet && workingSet.length > 0 ? workingSet.last : -1);
      return undefined;
    },
  };
  return { seen, report: await runFleet(fleetOf(text).config, { policy: witness }) };
}

describe('the estimate of a working set', () => {
  it('comes to the pages that are truly in use, and follows them', async () => {
    const text = fileOf(TWO_PHASES, 'workingSet: { samples: 400, period: 30s }');
    const { config } = fleetOf(text).config.vms[0]!;
    const { seen, report } = await estimatesOf(text);
    const truth = (atNs: number): number =>
      touchedPages(config, atNs - 30e9, atNs, allPages).size * 4096;
    expect(truth(300e9) / MIB).toBeCloseTo(10, 1);
    expect(truth(590e9) / MIB).toBeCloseTo(4, 1);
    // Nothing is known before a first period is over, and a slow average comes down from all of the memory.
    expect(seen.slice(0, 2)).toEqual([-1, -1]);
    expect(seen[2]! / MIB).toBeGreaterThan(12);
    expect(Math.abs(seen[29]! / truth(300e9) - 1)).toBeLessThan(0.15);
    expect(Math.abs(seen[58]! / truth(590e9) - 1)).toBeLessThan(0.3);
    expect(Math.abs(report.vms[0]!.workingSetBytes! / truth(600e9) - 1)).toBeLessThan(0.3);
    const twice = await estimatesOf(text);
    expect(twice.seen).toEqual(seen);
  });

  it('costs a fault for each sampled page that is touched', async () => {
    const sampled = 'workingSet: { samples: 400, period: 30s, fault: 1ms }';
    const { report } = await estimatesOf(
      fileOf('{ pattern: uniform, rate: 6000, region: { start: 0, size: 8MiB } }', sampled),
    );
    // Half of 400 pages are touched in each of 20 periods, of which the last one is not paid for within this life.
    const faults = report.hosts[0]!.monitoringCpuNs / 1e6;
    expect(Math.abs(faults / (19 * 200) - 1)).toBeLessThan(0.05);
    expect(report.hosts[0]!.dom0CpuNs).toBe(report.hosts[0]!.monitoringCpuNs);
    expect(report.hosts[1]!.monitoringCpuNs).toBe(0);
  });

  it('leaves no trace in a guest, whose migration is the same without it', async () => {
    const migrationOf = async (monitor: string) => {
      const { config } = fleetOf(fileOf(TWO_PHASES, monitor));
      const report = await runFleet(
        { ...config, durationNs: 80e9 },
        { policy: moveAt([[60, 'vm', 'pm-2']]) },
      );
      return report.migrations[0]!.run;
    };
    const sampled = await migrationOf('workingSet: { samples: 400, period: 20s, fault: 0s }');
    expect(sampled).toEqual(await migrationOf(''));
    expect(sampled!.proof).toMatchObject({ ok: true });
  });
});
