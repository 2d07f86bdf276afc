import { describe, expect, it } from 'vitest';
import { planMemory } from '../../src/guest/memory-plan.ts';
import { runVcpu } from '../../src/guest/vcpu.ts';
import { LAG_NS, vcpuAreaAt } from '../../src/guest/vcpu-state.ts';
import { marksOf } from '../../src/memory/dirty-logs/open.ts';
import { WriterHandshake } from '../../src/memory/handshake/writer.ts';
import { openGuestSide } from '../../src/runtime/common/guest-side.ts';
import { createPlace } from '../../src/runtime/common/stage.ts';
import { smallRun } from '../support/run-config.ts';

interface Habits {
  /** Accesses a second. */
  readonly rate: number;
  readonly throttle?: number;
  /** How long the vCPU runs between two polls. */
  readonly batchNs: number;
  /** How much longer than asked for each of its sleeps lasts. */
  readonly oversleepNs: number;
  /** It is stopped after so many sleeps. */
  readonly sleeps: number;
}

/** Runs the loop of a vCPU in this thread, on a clock that moves only while it sleeps or makes a batch. */
function live({ rate, throttle = 0, batchNs, oversleepNs, sleeps }: Habits) {
  const [workload] = smallRun().guest.workloads;
  const { guest, seed } = smallRun({ guest: { vcpus: 1, workloads: [{ ...workload!, rate }] } });
  const { plan, geometries } = planMemory(guest, seed);
  const side = openGuestSide(createPlace(guest, plan, geometries(0)));
  const { memory, words, area, doorbell, engine } = side;
  const clock = { ns: 1e9, now: (): number => clock.ns };
  const spent = { runningNs: 0, asleepNs: 0, sleeps: 0 };
  class Handshake extends WriterHandshake {
    override poll(): boolean {
      clock.ns += batchNs;
      spent.runningNs += batchNs;
      return super.poll();
    }

    override sleep(timeoutMs: number): boolean {
      const ns = timeoutMs * 1e6 + oversleepNs;
      clock.ns += ns;
      spent.asleepNs += ns;
      if (++spent.sleeps >= sleeps) engine.stop();
      return super.sleep(0);
    }
  }
  engine.resume();
  engine.throttle(throttle);
  const handshake = new Handshake(words, 1, doorbell);
  const marks = marksOf(side.log.kind, 1, side.rings);
  runVcpu({ vcpu: 0, plan, memory, words, area, handshake, marks, clock });
  return { ...spent, lagNs: area[vcpuAreaAt(plan, 0) + LAG_NS]! };
}

describe('the loop of a vCPU', () => {
  it('counts as lag what a sleep lasted too long, and not the sleep', () => {
    const { sleeps, asleepNs, lagNs } = live({
      rate: 20,
      batchNs: 1000,
      oversleepNs: 300_000,
      sleeps: 20,
    });
    // It sleeps for some 50 ms at a time.
    expect(asleepNs / sleeps).toBeGreaterThan(20e6);
    expect(lagNs).toBeGreaterThanOrEqual(300_000);
    expect(lagNs).toBeLessThan(400_000);
  });

  it.each([0, 1e6, 5e6])('keeps its share of a throttle when it oversleeps by %d ns', (late) => {
    const { runningNs, asleepNs } = live({
      rate: Infinity,
      throttle: 0.8,
      batchNs: 500_000,
      oversleepNs: late,
      sleeps: 40,
    });
    // It polls every half a millisecond, so it may run for that much longer than 10 ms at a time.
    expect(runningNs / (runningNs + asleepNs)).toBeGreaterThan(0.19);
    expect(runningNs / (runningNs + asleepNs)).toBeLessThan(0.21);
  });
});
