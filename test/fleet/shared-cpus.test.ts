import { describe, expect, it } from 'vitest';
import { runEvacuation } from '../../src/fleet/evacuation/run.ts';
import type { EvacuationReport } from '../../src/fleet/evacuation/report.ts';
import { evacuation, virtualRun, writer } from '../support/evacuation.ts';

const hosts = (source: number, target: number) => [
  { name: 'old', cpus: source, nicBytesPerSecond: 100e6 },
  { name: 'new-1', cpus: target, nicBytesPerSecond: 100e6 },
];

/** Accesses that a guest makes between two times, by its timeline. */
function accessesBetween(
  guest: EvacuationReport['guests'][number],
  fromNs: number,
  toNs: number,
): number {
  const { timeline } = guest.run!.guest;
  const at = (ns: number): number => timeline.findLast((sample) => sample.ns <= ns)!.accesses;
  return at(toNs) - at(fromNs);
}

describe('the channels of migrations', () => {
  it('are threads that share the CPUs of their hosts, and every guest is proved', async () => {
    const config = virtualRun({
      costs: { encodeNs: 100_000, installNs: 0 },
      guest: { vcpus: 1, workloads: [writer(1000)] },
      migration: { rounds: 1, startAfterNs: 20e6, runAfterNs: 20e6, channels: 4 },
    });
    const roundNs = async (cpus: number): Promise<number> => {
      const report = await runEvacuation(
        evacuation([{ config }], { hosts: hosts(cpus, Infinity) }),
      );
      const [guest] = report.guests;
      expect(guest!.run!.proof?.ok).toBe(true);
      const [round] = guest!.run!.source.rounds;
      return round!.endNs - round!.startNs;
    };
    const [one, four] = [await roundNs(1), await roundNs(8)];
    expect(one / four).toBeGreaterThan(2);
  });
});

describe('CPUs that a guest does not get', () => {
  const busy = virtualRun({
    costs: { accessNs: 1000 },
    guest: { vcpus: 1, workloads: [writer(Infinity)] },
    migration: { rounds: 1, startAfterNs: 20e6, runAfterNs: 300e6 },
  });
  const oneAtATime = { outgoing: 1, incoming: 1, cluster: 1, inBatches: false };

  it('are missed while others want them, and not all at once later', async () => {
    const guests = [busy, busy, busy].map((config) => ({ config }));
    const report = await runEvacuation(
      evacuation(guests, { hosts: hosts(Infinity, 1), limits: oneAtATime }),
    );
    const [first, second] = report.guests;
    // Both of them live at the target while the third one migrates: each gets some of the one CPU.
    const fromNs = second!.endedNs! + 20e6;
    const toNs = report.guests[2]!.endedNs!;
    const alone = (toNs - fromNs) / busy.costs.accessNs;
    for (const guest of [first!, second!]) {
      const share = accessesBetween(guest, fromNs, toNs) / alone;
      expect(share).toBeGreaterThan(0.25);
      expect(share).toBeLessThan(0.75);
    }
  });

  it('are those of the target once post-copy has begun', async () => {
    const config = virtualRun({
      // Slow accesses are few, and their share of a CPU is the same.
      costs: { accessNs: 2000 },
      guest: { vcpus: 1, workloads: [{ ...writer(Infinity), pages: 64 }] },
      migration: { algorithm: 'postcopy', startAfterNs: 20e6, runAfterNs: 20e6 },
    });
    const duringPostcopy = async (cpus: number): Promise<number> => {
      const guests = [{ config }, { config }];
      const report = await runEvacuation(evacuation(guests, { hosts: hosts(Infinity, cpus) }));
      return report.guests.reduce(
        (sum, guest) => sum + accessesBetween(guest, guest.endedNs! - 60e6, guest.endedNs! - 20e6),
        0,
      );
    };
    const ratio = (await duringPostcopy(1)) / (await duringPostcopy(2));
    expect(ratio).toBeGreaterThan(0.35);
    expect(ratio).toBeLessThan(0.75);
  });
});
