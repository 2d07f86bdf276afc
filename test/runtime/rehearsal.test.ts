import { describe, expect, it } from 'vitest';
import { monotonicClock } from '../../src/clock/monotonic.ts';
import type { DirtyLogKind } from '../../src/memory/dirty-logs/dirty-log.ts';
import type { PolicyName } from '../../src/migration/spec/migration-spec.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import { hasty, worldOf } from '../../src/runtime/threads/rehearsal.ts';
import { smallRun } from '../support/run-config.ts';

/** Plays a migration three times: what the first one leaves behind must not stop the next. */
function play(
  migration: Partial<RunConfig['migration']>,
  kind: DirtyLogKind = 'bitmap',
  clearChunkPages?: number,
): void {
  const config = smallRun({ migration });
  const log = { kind, ringSize: 4096, ...(clearChunkPages ? { clearChunkPages } : {}) };
  for (const clock of [monotonicClock(), hasty(monotonicClock())]) {
    const playOnce = worldOf(config, log, clock);
    for (let i = 0; i < 3; i++) playOnce();
  }
}

describe('a rehearsed migration comes to its end', () => {
  const logs: DirtyLogKind[] = ['bitmap', 'bytemap', 'atomic', 'ring'];

  it.each(logs)('with the log %s, cleared by the harvest or by hand', (kind) => {
    for (const algorithm of ['stop-and-copy', 'precopy', 'postcopy', 'hybrid'] as const) {
      expect(() => play({ algorithm }, kind)).not.toThrow();
      expect(() => play({ algorithm }, kind, 64)).not.toThrow();
    }
  });

  it('without a log', () => {
    expect(() => play({ algorithm: 'stop-and-copy' }, 'none')).not.toThrow();
  });

  const policies: PolicyName[] = [
    'rounds',
    'qemu',
    'xen',
    'clark2005',
    'xen3',
    'cloud-hypervisor',
    'sdps',
  ];

  it.each(policies)('under policy %s', (policy) => {
    expect(() => play({ algorithm: 'precopy', policy })).not.toThrow();
  });

  it.each(['follow', 'linear', 'bubbling', 'twice'] as const)('in page order %s', (pageOrder) => {
    expect(() => play({ algorithm: 'postcopy', pageOrder })).not.toThrow();
  });

  it('when a lost connection could be recovered', () => {
    expect(() => play({ algorithm: 'postcopy', recoverWithinNs: 1e9 })).not.toThrow();
  });

  it.each(['kubevirt-timeouts', 'kubevirt-stall', 'nova', 'proxmox'] as const)(
    'that %s watches',
    (manager) => {
      expect(() => play({ algorithm: 'precopy', policy: 'qemu', manager })).not.toThrow();
    },
  );

  it('however short the time limit of the real one is', () => {
    expect(() => play({ algorithm: 'precopy', timeoutNs: 1 })).not.toThrow();
  });

  it('with pseudo-paging, preempt and a limit of the push', () => {
    const migration = { pseudoPaging: true, preempt: true, postcopyBytesPerSecond: 1e6 };
    expect(() => play({ algorithm: 'postcopy', ...migration })).not.toThrow();
  });
});
