import { describe, expect, it } from 'vitest';
import { vcpuDemand } from '../../src/guest/cpu-demand.ts';
import type { Workload } from '../../src/guest/workload.ts';

const workload = (changes: Partial<Workload>): Workload => ({
  pattern: { kind: 'uniform' },
  firstGfn: 0,
  pages: 16,
  rate: 1e5,
  writes: 1,
  wordsPerPage: 1,
  fromNs: 0,
  untilNs: Infinity,
  ...changes,
});

describe('how many CPUs the vCPUs of a guest keep busy', () => {
  it('is the share of their time that their accesses take', () => {
    expect(vcpuDemand([], 4, 1000)).toBe(0);
    // 100 000 accesses of 1 µs take a tenth of a second, on one vCPU or on all together.
    expect(vcpuDemand([workload({})], 4, 1000)).toBeCloseTo(0.1);
    expect(vcpuDemand([workload({ vcpu: 2 }), workload({})], 4, 1000)).toBeCloseTo(0.2);
    expect(vcpuDemand([workload({})], 4, 2000)).toBeCloseTo(0.2);
  });

  it('is one for each vCPU at the most, whatever is asked of it', () => {
    expect(vcpuDemand([workload({ rate: Infinity })], 4, 1000)).toBe(4);
    const busy = [workload({ rate: Infinity, vcpu: 1 }), workload({ rate: Infinity, vcpu: 1 })];
    expect(vcpuDemand(busy, 4, 1000)).toBe(1);
    expect(vcpuDemand([workload({ rate: 5e6, vcpu: 0 })], 4, 1000)).toBe(1);
  });
});
