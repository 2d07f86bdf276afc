import { describe, expect, it } from 'vitest';
import { configOf } from '../../src/lab/validate/mapping.ts';
import { type MeasuredRun, readMeasured } from '../../src/lab/validate/measured.ts';
import { validate } from '../../src/lab/validate/validate.ts';

const file = readMeasured('fixtures/measured/qemu-two-cores.json');
const run = (id: string, inputs: Partial<MeasuredRun['inputs']> = {}): MeasuredRun => {
  const found = file.runs.find((one) => one.id === id)!;
  return { ...found, inputs: { ...found.inputs, ...inputs } };
};
const config = (one: MeasuredRun) => configOf(one, file.host, '.');

describe('the inputs of a measured run', () => {
  it('say at which page of its working set the guest has arrived', () => {
    const one = run('precopy-256-978f2791-0', { wws_pages: 1000 });
    const at = (writesTotal: number): number => {
      const before = { ...one.guest_before, writes_total: writesTotal, page_writes_per_s: 500 };
      return config({ ...one, guest_before: before }).migration.startAfterNs;
    };
    expect([0, 250, 999, 1000, 7250].map(at)).toEqual([0, 0.5e9, 1.998e9, 0, 0.5e9]);
  });

  it('give a limit of 0 for none', () => {
    const limited = run('precopy-256-978f2791-0', { max_bandwidth: 5e6 });
    expect(config(limited).migration.maxBytesPerSecond).toBe(5e6);
    const free = run('precopy-256-978f2791-0', { max_bandwidth: 0, postcopy_bandwidth: 0 });
    expect(config(free).migration).toMatchObject({
      maxBytesPerSecond: Infinity,
      postcopyBytesPerSecond: Infinity,
    });
  });

  it('say by the accelerator whether a harvest waits for the vCPUs', () => {
    const waits = (accel: string): boolean =>
      config(run('precopy-256-978f2791-0', { accel })).costs.harvestWaitsForVcpus;
    expect([waits('kvm'), waits('tcg')]).toEqual([false, true]);
  });

  it('give the shares of auto-converge in percent', () => {
    const params = {
      'throttle-trigger-threshold': 40,
      'cpu-throttle-initial': 30,
      'cpu-throttle-increment': 5,
      'max-cpu-throttle': 100,
    };
    const one = run('auto-converge-c85f4624-0', { params });
    expect(config(one).migration.autoConverge).toEqual({
      trigger: 0.4,
      initial: 0.3,
      increment: 0.05,
      max: 0.99,
      tailSlow: false,
    });
  });
});

describe('the summary of predictions', () => {
  it('has the spread of the errors, as shares of what was measured, of undisturbed runs', async () => {
    const small = run('idle-8632bd5e-0', { ram_mib: 8, fill_mib: 2 });
    const [one] = (await validate({ ...file, runs: [small] })).runs;
    const predictedMs = one!.predicted.totalTimeMs!;
    /** A run in which QEMU has taken so long that the prediction is too high by this share. */
    const tooHighBy = (share: number, more = {}): MeasuredRun => ({
      ...small,
      derived: { ...small.derived, total_time_ms: predictedMs / (1 + share), ...more },
    });
    const runs = [
      ...Array.from({ length: 10 }, (_, i) => tooHighBy((i + 1) / 10)),
      tooHighBy(5, { cpu_disturbed: true }),
    ];
    const { summary, runs: predictions } = await validate({ ...file, runs });
    expect(summary.totalTimeMs!.n).toBe(10);
    expect(summary.totalTimeMs!.median).toBeCloseTo(0.55);
    expect(summary.totalTimeMs!.p90).toBeCloseTo(0.9);
    expect(summary.totalTimeMs!.max).toBeCloseTo(1);
    expect(predictions[0]!.errors.totalTimeMs).toBeCloseTo(0.1);
    expect(predictions[10]).toMatchObject({
      counted: { time: false, transferred: false, downtime: false, outcome: false },
      why: expect.stringContaining('the host was busy with other work'),
    });
  });
});
