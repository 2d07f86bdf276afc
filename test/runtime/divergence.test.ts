import { describe, expect, it } from 'vitest';
import type { DeviceSpec } from '../../src/guest/devices/device.ts';
import { buildResult } from '../../src/result/build.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import { COST_PROFILES } from '../../src/runtime/costs.ts';
import type { SourceReport } from '../../src/migration/source.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { device } from '../support/devices.ts';
import { smallRun } from '../support/run-config.ts';

const MIB = 1024 * 1024;
const PAGES = (64 * MIB) / 4096;

type Changes = {
  readonly link?: Partial<RunConfig['link']>;
  readonly migration?: Partial<RunConfig['migration']>;
  readonly rate?: number;
  readonly devices?: readonly DeviceSpec[];
};

/** Migrates 64 MiB, of which a guest writes 16 MiB, over 100 Mbit/s by policy qemu with its limit of 100 ms. */
function runOf({ link, migration, rate = 20_000, devices }: Changes): RunConfig {
  return smallRun({
    runtime: 'virtual',
    costs: COST_PROFILES.none,
    guest: {
      memoryBytes: 64 * MIB,
      vcpus: 1,
      backing: 'versions',
      ...(devices ? { devices } : {}),
      contents: [{ firstGfn: 0, pages: PAGES, kind: 'random', zeroShare: 0 }],
      workloads: [
        {
          pattern: { kind: 'uniform' },
          firstGfn: 0,
          pages: PAGES / 4,
          rate,
          writes: 1,
          wordsPerPage: 1,
          fromNs: 0,
          untilNs: Infinity,
        },
      ],
    },
    link: { bytesPerSecond: 12.5e6, latencyNs: 50_000, integrity: 'header', ...link },
    migration: {
      policy: 'qemu',
      downtimeLimitNs: 100e6,
      timeoutNs: 15e9,
      ...migration,
    },
  });
}

const migrate = async (changes: Changes): Promise<SourceReport> =>
  (await runVirtual(runOf(changes))).source;

const completes = async (changes: Changes): Promise<void> => {
  const { outcome, error } = await migrate(changes);
  expect({ outcome, error }).toEqual({ outcome: 'completed', error: undefined });
};

describe('a migration that has diverged says why', () => {
  it('in its first pass, and what it says would have helped does help', async () => {
    const timeoutNs = 3e9;
    const { outcome, error, unsentPages } = await migrate({ migration: { timeoutNs } });
    expect(outcome).toBe('diverged');
    const sentMiB = (64 - (unsentPages * 4096) / MIB).toFixed(1);
    expect(error).toBe(
      `not completed within the timeout of 3 s: it was still in its first pass: ${sentMiB} MiB of 64 MiB had been ` +
        'sent in 3 s, at 100 Mbit/s. What would have helped: a migration.timeout above 5.39 s, when the first ' +
        'pass alone would be over at this rate, or a higher link.bandwidth',
    );
    // The whole guest and what its rounds send again take less than that with an idle guest.
    await completes({ rate: 1, migration: { timeoutNs: 5.5e9 } });
    await completes({ migration: { timeoutNs }, link: { bytesPerSecond: 250e6 } });
  });

  it('after rounds that do not become shorter, with figures that the rounds have measured', async () => {
    const { outcome, error, rounds } = await migrate({});
    expect(outcome).toBe('diverged');
    const last = rounds.at(-2)!;
    expect(last.expectedDowntimeNs).toBeGreaterThan(100e6);
    const downtime = `${(last.expectedDowntimeNs! / 1e9).toFixed(2)} s`;
    const seconds = (last.endNs - last.startNs) / 1e9;
    const dirtied = `${((last.dirtiedPages * 4096 * 8) / seconds / 1e6).toFixed(1)} Mbit/s`;
    expect(error).toMatch(
      new RegExp(
        '^not completed within the timeout of 15 s: .* MiB were left to send; in its last whole round the guest ' +
          `dirtied ${dirtied} while 100 Mbit/s were sent, which left a downtime of some ${downtime} against a limit ` +
          'of 100 ms\\. A longer migration\\.timeout alone would hardly have helped\\. What would have helped: ' +
          `a migration\\.downtimeLimit above ${downtime}, a link\\.bandwidth well above 100 Mbit/s, ` +
          'migration\\.autoConverge: true, or migration\\.algorithm: hybrid$',
      ),
    );
    await completes({ migration: { downtimeLimitNs: 1.1 * last.expectedDowntimeNs! } });
    await completes({ link: { bytesPerSecond: 250e6 } });
    await completes({ migration: { algorithm: 'hybrid' } });
    const autoConverge = { trigger: 0.5, initial: 0.2, increment: 0.1, max: 0.99, tailSlow: false };
    await completes({ migration: { autoConverge, timeoutNs: 60e9 } });
  });

  it('names the limit that held it up, and its own settings no more', async () => {
    const maxBytesPerSecond = 12.5e6;
    const autoConverge = { trigger: 0.5, initial: 0.2, increment: 0.1, max: 0.99, tailSlow: false };
    const { error } = await migrate({
      link: { bytesPerSecond: 125e6 },
      migration: { maxBytesPerSecond, autoConverge, timeoutNs: 9e9 },
    });
    expect(error).toMatch(/a longer migration\.timeout, .*a migration\.maxBandwidth well above/);
    expect(error).not.toMatch(/link\.bandwidth|migration\.autoConverge|alone/);
  });

  it('while the guest is stopped', async () => {
    const { error } = await migrate({ migration: { algorithm: 'stop-and-copy', timeoutNs: 2e9 } });
    expect(error).toMatch(
      /^not completed within the timeout of 2 s: the guest was stopped for its last pages: 23\.\d MiB of 64 MiB had been sent in 2 s, at 100 Mbit\/s\. What would have helped: a migration\.timeout above 5\.\d+ s, when sending them alone/,
    );
  });

  it('before its first page', async () => {
    const { error } = await migrate({ link: { latencyNs: 1e9 }, migration: { timeoutNs: 1e9 } });
    expect(error).toBe(
      'not completed within the timeout of 1 s: it was still being set up and had sent no page. ' +
        'What would have helped: a longer migration.timeout',
    );
  });

  it('when its policy gives up, and then names the keys of that policy', async () => {
    const { error } = await migrate({ migration: { policy: 'cloud-hypervisor', timeoutNs: 15e9 } });
    expect(error).toMatch(
      /^not (converged|completed) within the timeout of 15 s: .*a migration\.downtimeLimit above .*migration\.timeoutAction: ignore/,
    );
    const { error: fixed } = await migrate({ migration: { policy: 'rounds', rounds: 300 } });
    expect(fixed).toMatch(/a longer migration\.timeout, .*fewer migration\.rounds/);
    expect(fixed).not.toMatch(/downtimeLimit|alone|against/);
  });
});

describe('a migration that a device has held up', () => {
  const heldUp = (changes: Partial<DeviceSpec>, timeoutNs = 3e9): Changes => ({
    rate: 1000,
    devices: [device({ kind: 'vfio', initialBytes: 65536, ...changes })],
    link: { bytesPerSecond: 125e6 },
    migration: { timeoutNs },
  });

  it('names the device and the key of its time, in its first pass', async () => {
    const { error } = await migrate(heldUp({ loadInitialNs: 10e9 }));
    expect(error).toMatch(
      /it was still in its first pass: .* of 64 MiB had been sent in 3 s, and for 2\.\d+ s the destination took no page, because it was loading the initial bytes of the vfio device, which has 7\.\d+ s to go\. What would have helped: a shorter loadInitial in guest\.devices, or a migration\.timeout well above 10\.\d s$/,
    );
    const { outcome } = await migrate(heldUp({ loadInitialNs: 10e9 }, 12e9));
    expect(outcome).toBe('completed');
  });

  it('names the device that was being saved', async () => {
    const { error } = await migrate(heldUp({ initialBytes: 0, stateBytes: 64, saveNs: 10e9 }));
    expect(error).toMatch(
      /the guest was stopped .*, and for 2\.\d+ s the source has been saving the vfio device, which has 7\.\d+ s to go\. What would have helped: a shorter save in guest\.devices, or/,
    );
  });

  it('runs on meanwhile, which its timeline shows', async () => {
    const run = runOf(heldUp({ loadInitialNs: 10e9 }));
    const { timeline } = buildResult({}, await runVirtual(run)).guest;
    // Accesses come evenly, and go on when the migration has ended and the destination still loads.
    expect(timeline.accessesPerSecond.length * timeline.periodMs).toBeGreaterThan(9000);
    expect(Math.max(...timeline.accessesPerSecond)).toBeLessThan(1200);
    expect(Math.min(...timeline.accessesPerSecond)).toBeGreaterThan(800);
  });
});
