import { describe, expect, it } from 'vitest';
import { pageferry } from '../support/cli.ts';

describe('paper', () => {
  it('takes the beginning of several names for all of them', async () => {
    const { stdout, exitCode } = await pageferry([
      'paper',
      'clark-downtime-vs-bandwidth',
      '--json',
    ]);
    expect(exitCode).toBe(0);
    const names = (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name);
    const workloads = ['kernel', 'oltp', 'quake3', 'specweb'];
    expect(names).toEqual(workloads.map((one) => `clark-downtime-vs-bandwidth-${one}`));
  });
});
