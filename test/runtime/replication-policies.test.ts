import { describe, expect, it } from 'vitest';
import type { MigrationSpec } from '../../src/migration/spec/migration-spec.ts';
import type { ProtectReport } from '../../src/runtime/virtual/replication/report.ts';
import { protect, smallProtection } from '../support/protection.ts';

type Migration = Partial<MigrationSpec>;

/** Accesses a second. */
const RATE = 100;
/** Over this link a pass takes ten seconds, in which the guest dirties all of its memory. */
const BYTES_PER_SECOND = 26e3;

/** Protects a guest whose pre-copy is decided by a policy, and which nobody proves. */
function withPolicy(
  migration: Migration,
  seconds: number,
  changes: Parameters<typeof smallProtection>[0] = {},
): Promise<ProtectReport> {
  const replication = { intervalNs: 2e9, heartbeatNs: 1e9, silenceNs: 5e9 };
  const config = smallProtection({
    durationNs: seconds * 1e9,
    replication: { ...replication, compression: 'xor' },
    emissions: { packets: [] },
    isProved: false,
    ...changes,
  });
  const { run } = config;
  const workloads = run.guest.workloads.map((workload) => ({ ...workload, rate: RATE }));
  const link = { ...run.link, bytesPerSecond: BYTES_PER_SECOND };
  // The policies stop the guest when half of it is left.
  const common = { ...run.migration, timeoutNs: 1000e9, downtimeLimitNs: 5e9 };
  const guest = { ...run.guest, workloads };
  return protect({
    ...config,
    run: { ...run, guest, link, migration: { ...common, ...migration } },
  });
}

describe('a policy that slows the guest', () => {
  it.each<[string, Migration]>([
    ['stun during page send', { policy: 'sdps' }],
    ['the stun of rogue processes', { policy: 'clark2005', stun: { faults: 2, afterRound: 1 } }],
    [
      'auto-converge',
      {
        policy: 'qemu',
        autoConverge: { trigger: 0.1, initial: 0.9, increment: 0.05, max: 0.99, tailSlow: false },
      },
    ],
  ])('does so during the pre-copy only: %s', async (_, migration) => {
    const before = await withPolicy(migration, 100);
    const after = await withPolicy(migration, 130);
    expect(before.pairs[0]!.epochs.length).toBeGreaterThan(0);
    // The policy has slowed the guest by then.
    expect(before.accesses).toBeLessThan(0.95 * 100 * RATE);
    expect(after.accesses - before.accesses).toBeGreaterThan(0.95 * 30 * RATE);
  });

  it('does so no more when the protection ends during its pre-copy', async () => {
    const troubles = [{ atNs: 15e9, what: 'link' as const }];
    const endless: Migration = { policy: 'sdps', downtimeLimitNs: 1 };
    const before = await withPolicy(endless, 60, { troubles });
    const after = await withPolicy(endless, 90, { troubles });
    const [pair] = before.pairs;
    expect(pair).toMatchObject({ end: 'dropped', reason: 'there was no answer for 5 s' });
    expect(after.accesses - before.accesses).toBe(30 * RATE);
  });
});

describe('the limit of a migration', () => {
  /** Returns how long the pages of the second epoch were under way, in nanoseconds. */
  async function sendNs(migration: Migration): Promise<number> {
    const limited = { rounds: 1, maxBytesPerSecond: BYTES_PER_SECOND / 4 };
    const { pairs } = await withPolicy({ ...limited, ...migration }, 130);
    const { sendNs: fromNs, ackNs } = pairs[0]!.epochs[1]!;
    return ackNs - fromNs;
  }

  it('holds for the pre-copy only, unless it is strict', async () => {
    expect(await sendNs({ strictRate: true })).toBeGreaterThan(2 * (await sendNs({})));
  });
});
