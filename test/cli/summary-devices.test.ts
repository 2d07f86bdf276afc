import { describe, expect, it } from 'vitest';
import { deviceLines } from '../../src/cli/summary-devices.ts';
import type { RunResult } from '../../src/result/schema.ts';

type Part = NonNullable<RunResult['devices']>['parts'][number];
const part = (kind: string, changes: Partial<Part> = {}): Part => ({
  kind,
  saveMs: 0,
  loadMs: 0,
  reconnectMs: 0,
  bytes: 0,
  ...changes,
});
const linesOf = (changes: object): string[] => deviceLines(changes as RunResult);
const devices = (parts: readonly Part[], more: object = {}) => ({
  transferred: 2048,
  precopyBytes: 0,
  downtimeBytes: 2048,
  parts,
  ...more,
});

describe('the summary of a guest with devices', () => {
  it('has a line for each kind, of several devices with their times together', () => {
    const net = part('virtio-net', { saveMs: 1, loadMs: 2, reconnectMs: 30 });
    const parts = [net, part('custom'), { ...net, reconnectMs: 40 }];
    expect(linesOf({ devices: devices(parts), downtimeMs: 50, outageMs: 90 })).toEqual([
      'devices: 2 KiB sent in the downtime; from outside, the outage lasts 90.0 ms',
      '  2 × virtio-net: saved and sent in 2.00 ms, loaded in 4.00 ms, connected after 40.0 ms',
      '  custom: no time',
    ]);
  });

  it('says what was sent before, and when the switchover was acknowledged', () => {
    const vfio = part('vfio', { loadInitialMs: 1480 });
    const more = { precopyBytes: 1024, switchoverAckMs: 1500 };
    expect(linesOf({ devices: devices([vfio], more), downtimeMs: 50, outageMs: 50 })).toEqual([
      'devices: 2 KiB sent in the downtime, 1 KiB sent while the guest ran, switchover acknowledged after 1.50 s',
      '  vfio: initial bytes loaded in 1.48 s',
    ]);
  });

  it('has no times of a downtime that never came', () => {
    expect(linesOf({ devices: devices([part('vfio')], { downtimeBytes: 0 }) })).toEqual([
      'devices: nothing sent',
    ]);
  });

  it('names eight kinds at most, and says how many more there are', () => {
    const parts = Array.from({ length: 10 }, (_, i) => part(`kind-${i}`));
    const lines = linesOf({ devices: devices(parts), downtimeMs: 1, outageMs: 1 });
    expect(lines).toHaveLength(10);
    expect(lines.at(-1)).toBe('  … 2 more kinds');
  });

  it('is silent about a guest without devices', () => {
    expect(linesOf({ downtimeMs: 50 })).toEqual([]);
  });
});
