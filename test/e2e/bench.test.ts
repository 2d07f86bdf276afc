import { describe, expect, it } from 'vitest';
import type { BenchOutcome, Metric } from '../../src/lab/bench/outcome.ts';
import { benchFolder } from '../support/bench.ts';

const { bench, outcome } = benchFolder();

const metric = ({ metrics }: BenchOutcome, of: string, name: string): Metric => {
  const found = metrics.find((one) => one.of === of && one.name === name);
  if (!found)
    throw new Error(`no ${name} of ${of}: there are ${metrics.map((m) => m.of).join('; ')}`);
  return found;
};

describe('bench', () => {
  it('names its benches', async () => {
    const { stdout, exitCode } = await bench();
    expect(exitCode).toBe(0);
    for (const name of ['dirty-log', 'demand-paging', 'link', 'encode', 'migrate', 'placement']) {
      expect(stdout).toContain(name);
    }
  });

  it('dirty-log times each phase of each log and mode, and its logs find every page', async () => {
    const found = await outcome(
      'dirty-log',
      '--bytes=4MiB',
      '--vcpus=2',
      '--slots=3',
      '--iterations=2',
    );
    for (const log of ['bitmap', 'bytemap', 'atomic', 'ring']) {
      for (const mode of ['get-and-clear', 'manual']) {
        const of = `${log}, ${mode}`;
        expect(metric(found, of, 'pages').samples).toEqual([2048, 2048]);
        const phases = [
          'enable',
          'dirty',
          'get',
          ...(mode === 'manual' ? ['clear'] : []),
          'disable',
        ];
        for (const phase of phases) {
          const { samples } = metric(found, of, phase);
          expect(samples).toHaveLength(2);
          expect(Math.min(...samples)).toBeGreaterThan(0);
        }
      }
    }
    expect(metric(found, 'none', 'dirty').samples).toHaveLength(2);
  });

  it('dirty-log has overlap, random pages, part of them written, small rings', async () => {
    const args = ['--bytes=2MiB', '--vcpus=2', '--overlap=yes', '--pattern=random'];
    const found = await outcome(
      'dirty-log',
      ...args,
      '--write-percent=25',
      '--ring-size=1024',
      '--iterations=2',
    );
    const [pages] = metric(found, 'bitmap, get-and-clear', 'pages').samples;
    // 2 × 1024 accesses of a vCPU over 1024 pages, a quarter of them writes.
    expect(pages).toBeGreaterThan(400);
    expect(pages).toBeLessThan(800);
    expect(metric(found, 'ring, manual', 'pages').samples).toEqual(
      metric(found, 'bitmap, manual', 'pages').samples,
    );
  });

  it('dirty-log lets vCPUs write on while the log is stopped', async () => {
    const args = ['--bytes=4MiB', '--run-while-disabling=yes', '--log=bitmap', '--iterations=2'];
    const found = await outcome('dirty-log', ...args);
    expect(metric(found, 'bitmap, manual', 'pages').samples).toEqual([1024, 1024]);
  });

  it('demand-paging counts faults, with their latencies', async () => {
    const found = await outcome('demand-paging', '--vcpus=1', '--bytes=2MiB', '--iterations=2');
    const [faults] = metric(found, '1 vCPU', 'faults').samples;
    expect(faults).toBeGreaterThan(300);
    const total = metric(found, '1 vCPU', 'faults').samples.reduce((sum, one) => sum + one, 0);
    const { counts } = found.distributions![0]!;
    expect(counts.reduce((sum, one) => sum + one, 0)).toBe(total);
  });

  it('link moves frames at a rate and without one', async () => {
    const args = ['--rates=1Gbit/s,unlimited', '--frames=4KiB', '--bytes=4MiB', '--iterations=2'];
    const found = await outcome('link', ...args);
    expect(metric(found, '1 Gbit/s, frames of 4 KiB', 'error of the rate').samples).toHaveLength(2);
    expect(metric(found, 'unlimited, frames of 4 KiB', 'speed').samples).toHaveLength(2);
  });

  it('encode has every encoding on every kind of contents, the image that comes with it too', async () => {
    const found = await outcome('encode', '--bytes=2MiB', '--iterations=1');
    expect(metric(found, 'zero, zero pages, full', 'ratio').samples[0]).toBeGreaterThan(1000);
    expect(metric(found, 'random, zero pages, full', 'ratio').samples[0]).toBeLessThan(1);
    expect(metric(found, 'image, zero pages, header', 'ratio').samples[0]).toBeGreaterThan(1.1);
    expect(metric(found, 'image, all raw, header', 'decode').samples[0]).toBeGreaterThan(0);
  });

  it('migrate runs those of guestperf’s scenarios that are asked for', async () => {
    const { stdout } = await bench('migrate', '--list');
    expect(stdout.trim().split('\n')).toContain('post-copy-iters/post-copy-iters-5');
    const args = ['--filter=*-iters/*-iters-1', '--memory=8MiB', '--iterations=2'];
    const found = await outcome('migrate', ...args);
    expect(metric(found, 'pause-iters/pause-iters-1', 'downtime').samples).toHaveLength(2);
    expect(metric(found, 'post-copy-iters/post-copy-iters-1', 'completed').samples).toEqual([1, 1]);
  });

  it('migrate does every scenario in the virtual runtime', async () => {
    const { stdout } = await bench('migrate', '--list');
    const args = ['--memory=8MiB', '--runtime=virtual', '--dirty-rate=20MB/s'];
    const found = await outcome('migrate', ...args);
    const done = found.metrics.filter(({ name }) => name === 'completed').map(({ of }) => of);
    expect(done).toEqual(stdout.trim().split('\n'));
  });
});

describe('bench refuses', () => {
  it.each([
    ['part of a page', ['encode', '--bytes=5000'], /^--bytes: expected whole pages/],
    ['an unknown option', ['encode', '--bogus'], /unknown option '--bogus'/],
  ])('%s, with exit code 2', async (_, args, message) => {
    const { stderr, stdout, exitCode } = await bench(...args);
    expect(stderr).toMatch(message);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
  });
});
