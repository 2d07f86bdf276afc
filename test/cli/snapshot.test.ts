import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { restoreCommand } from '../../src/cli/restore.ts';
import { saveCommand } from '../../src/cli/save.ts';
import { restoreSchema } from '../../src/result/snapshot-schema.ts';
import { sets } from '../support/cli.ts';
import { inFolder } from '../support/snapshots.ts';

const SCENARIO = `name: small
runtime: virtual
guest:
  memory: 4MiB
  contents: [{ kind: random, zeroShare: 0.25 }]
  workloads: [{ pattern: uniform, rate: 20000, region: { size: 2MiB } }]
link: { bandwidth: 100MB/s }
migration: { policy: rounds, rounds: 2, startAfter: 20ms, runAfter: 50ms }
`;

/** Runs a command in this process; returns its exit code and what it has written to standard error. */
async function run(
  make: typeof saveCommand,
  ...args: readonly string[]
): Promise<{ code: unknown; stderr: string }> {
  const writes = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  await make().exitOverride().parseAsync(args, { from: 'user' });
  const stderr = writes.mock.calls.map(([text]) => String(text)).join('');
  writes.mockRestore();
  return { code: process.exitCode, stderr };
}

afterEach(() => {
  process.exitCode = undefined;
});

describe('pageferry restore', () => {
  it('records a working set, reads that first, and leaves out one of another file', () =>
    inFolder(async (folder) => {
      const [scenario, file, output] = ['a.yaml', 'a.snap', 'a.json'].map((name) =>
        join(folder, name),
      ) as [string, string, string];
      writeFileSync(scenario, SCENARIO);
      const restore = (...flags: readonly string[]) =>
        run(restoreCommand, file, '-q', '-o', output, ...flags);
      const result = () => restoreSchema.parse(JSON.parse(readFileSync(output, 'utf8')));
      expect(await run(saveCommand, scenario, file, '-q')).toEqual({ code: 0, stderr: '' });
      expect((await restore('--lazy', '--record-working-set', '20ms')).code).toBe(0);
      const { recordedPages = 0 } = result().workingSet!;
      expect(recordedPages).toBeGreaterThan(10);
      expect(await restore('--lazy')).toEqual({ code: 0, stderr: '' });
      expect(result().workingSet!.prefetchedPages).toBeGreaterThan(recordedPages / 2);
      expect((await restore('--lazy', '--no-working-set')).code).toBe(0);
      expect(result().workingSet!.prefetchedPages).toBe(0);
      await run(saveCommand, scenario, file, '-q', '--set', 'seed=2');
      const { code, stderr } = await restore('--lazy');
      expect(code).toBe(0);
      expect(stderr).toMatch(
        /a\.snap\.ws\.json is not used: it is the working set of another snap/,
      );
    }));

  it('refuses a file that is no snapshot', () =>
    inFolder(async (folder) => {
      const file = join(folder, 'text');
      writeFileSync(file, 'x'.repeat(5000));
      const stderr = `${file} is no snapshot of Pageferry: it begins with other bytes\n`;
      expect(await run(restoreCommand, file)).toEqual({ code: 2, stderr });
    }));

  it('refuses flags that can not be, with a sentence each', () =>
    inFolder(async (folder) => {
      const [scenario, file] = [join(folder, 'a.yaml'), join(folder, 'a.snap')];
      writeFileSync(scenario, SCENARIO);
      await run(saveCommand, scenario, file, '-q', '--set', 'verify=off');
      for (const [flags, sentence] of [
        [
          ['--set', 'guest.memory=8MiB'],
          /^--set guest\.memory: a restore takes the guest as it was/,
        ],
        [['--set', 'seed=3'], /^--set seed: a restore takes the guest as it was saved/],
        [['--record-working-set', '1s'], /^--record-working-set: only a guest that runs at once/],
        [['--lazy', '--record-working-set', 'x'], /^--record-working-set: expected a duration/],
      ] as const) {
        const { code, stderr } = await run(restoreCommand, file, ...flags);
        expect(code).toBe(2);
        expect(stderr).toMatch(sentence);
      }
    }));
});

describe('pageferry save', () => {
  it('refuses what it can not save, with the key', () =>
    inFolder(async (folder) => {
      const [scenario, file] = [join(folder, 'a.yaml'), join(folder, 'a.snap')];
      writeFileSync(scenario, SCENARIO);
      for (const [key, value] of [
        ['guest.backing', 'versions'],
        ['guest.memoryManager', '{kernel: 1MiB}'],
        ['guest.devices', '[{kind: virtio-net}]'],
      ] as const) {
        const { code, stderr } = await run(
          saveCommand,
          scenario,
          file,
          ...sets('guest.workloads=[]', `${key}=${value}`),
        );
        expect(code).toBe(2);
        expect(stderr).toContain(`${key}: `);
        expect(stderr).toMatch(/saved|bytes of pages/);
      }
    }));
});
