import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readMeasured } from '../../src/lab/validate/measured.ts';
import { validate } from '../../src/lab/validate/validate.ts';

describe('measured guests', () => {
  const folder = 'fixtures/measured/qemu-linux';
  const sampleOf = async (name: string, ids: string[]) => {
    const measured = readMeasured(join(folder, name));
    const runs = ids.map((id) => measured.runs.find((one) => one.id === id)!);
    return (await validate({ ...measured, runs })).runs;
  };

  it('that make up for what a throttle held up do not converge where one whose timer drops ticks does', async () => {
    const ids = ['new-ac-catchup-4a073b7a-0', 'new-ac-tickdrop-bec407a1-0'];
    const [catchUp, tickDrop] = await sampleOf('bare.json', ids);
    expect(catchUp!.predicted.outcome).toBe('cancelled');
    expect(tickDrop!.predicted.outcome).toBe('completed');
    expect(Math.abs(catchUp!.errors.transferred!)).toBeLessThan(0.1);
    expect(Math.abs(tickDrop!.errors.totalTimeMs!)).toBeLessThan(0.12);
  });

  it('of 3 GiB of zero pages take as long as was measured', async () => {
    const [zeros] = await sampleOf('bare.json', ['new-big-zero-ee43f47c-0']);
    expect(Math.abs(zeros!.errors.totalTimeMs!)).toBeLessThan(0.05);
  });

  it('that run Linux are predicted by their traces', async () => {
    const ids = ['linux-hot-2d0cece9-0', 'linux-redis-8958dd22-0', 'linux-build-2622487f-0'];
    const [hot, redis, build] = await sampleOf('linux.json', ids);
    // Guests that dropped what a throttle held up would be through in 26 s; it took 48 s.
    expect(hot!.predicted.totalTimeMs).toBeGreaterThan(38_000);
    expect(Math.abs(hot!.errors.transferred!)).toBeLessThan(0.1);
    for (const one of [redis!, build!]) {
      expect(one.predicted.outcome).toBe('completed');
      expect(Math.abs(one.errors.transferred!)).toBeLessThan(0.02);
      expect(Math.abs(one.errors.totalTimeMs!)).toBeLessThan(0.02);
    }
  });
});
