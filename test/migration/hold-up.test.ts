import { describe, expect, it } from 'vitest';
import { loadHoldUp } from '../../src/migration/devices/hold-up.ts';

const state = (kind: string, sentNs: number, loadInitialNs: number) => ({
  spec: { kind, loadInitialNs },
  sentNs,
});

describe('the time in which a destination loads initial bytes', () => {
  const both = [state('vgpu', 3, 20), state('vfio', 2, 10)];

  it('counts one device after the other, from the time in question on', () => {
    const kinds = ['vfio', 'vgpu'];
    expect(loadHoldUp(both, 0, 30, 30)).toEqual({ work: 'load', kinds, heldNs: 28, leftNs: 2 });
    expect(loadHoldUp(both, 7, 40, 40)).toEqual({ work: 'load', kinds, heldNs: 25, leftNs: 0 });
    expect(loadHoldUp(both, 12, 40, 40)?.kinds).toEqual(['vgpu']);
  });

  it('ends when all have been acknowledged', () => {
    expect(loadHoldUp(both, 0, 20, 25)).toMatchObject({ heldNs: 18, leftNs: 0 });
  });

  it('is nothing where nothing is loaded', () => {
    expect(loadHoldUp([], 0, 30, 30)).toBeUndefined();
    expect(loadHoldUp([state('vfio', 2, 0)], 0, 30, 30)).toBeUndefined();
    expect(loadHoldUp(both, 32, 40, 40)).toBeUndefined();
  });
});
