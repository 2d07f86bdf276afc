import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { afterAll, describe, expect, it } from 'vitest';
import { compareSchema } from '../../src/lab/compare/result.ts';

const MAIN = 'dist/cli/main.js';
const folder = mkdtempSync(join(tmpdir(), 'pageferry-e2e-sweep-'));
afterAll(() => rmSync(folder, { recursive: true }));

const file = join(folder, 'grid.yaml');
writeFileSync(
  file,
  `name: grid
scenario:
  runtime: virtual
  guest: { memory: 16MiB, backing: versions, workloads: [{ pattern: uniform, rate: 1000 }] }
  link: { bandwidth: 1Gbit/s }
vary: { guest.memory: { from: 8MiB, to: 64MiB, steps: 8 } }
repeats: 10
`,
);

const cli = (...args: string[]) => execa('node', [MAIN, ...args], { reject: false });
const recordsOf = (store: string): string[] => {
  const path = join(store, 'records.ndjson');
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  // The last line may not be whole while somebody writes.
  return lines.flatMap((line) => /^\{"id":"(\w+)".*\}$/.exec(line)?.[1] ?? []);
};

describe('pageferry sweep', () => {
  it('that is killed goes on where it was, and no run is lost or made twice', async () => {
    const store = join(folder, 'killed');
    const first = spawn('node', [MAIN, 'sweep', file, '-o', store, '-q'], { stdio: 'ignore' });
    const isOver = new Promise((resolve) => first.on('exit', resolve));
    while (recordsOf(store).length < 10 && first.exitCode === null) await sleep(5);
    first.kill('SIGKILL');
    await isOver;
    const before = recordsOf(store);
    expect(before.length).toBeGreaterThanOrEqual(10);
    expect(before.length).toBeLessThan(80);

    const second = await cli('sweep', file, '-o', store, '--chart', join(folder, 'grid.svg'));
    expect(second.exitCode, second.stderr).toBe(0);
    expect(second.stdout).toContain('80 runs');
    const after = recordsOf(store);
    expect(new Set(after).size).toBe(80);
    expect(after).toHaveLength(80);
    expect(after.slice(0, before.length)).toEqual(before);
    expect(readFileSync(join(folder, 'grid.svg'), 'utf8')).toContain('guest.memory, MiB');

    const sql = 'SELECT count(*) n, count(DISTINCT id) ids, bool_and(verify_ok) ok FROM runs';
    const asked = await cli('query', store, sql, '--json');
    expect(JSON.parse(asked.stdout)).toEqual([{ n: 80, ids: 80, ok: true }]);
    const csv = await cli(
      'query',
      store,
      'SELECT guest_memoryBytes FROM runs ORDER BY 1 LIMIT 1',
      '--csv',
    );
    expect(csv.stdout).toBe('guest_memoryBytes\n8388608');

    const junit = join(folder, 'compare.xml');
    const by = ['compare', store, '--by', 'guest.memory=8MiB,16MiB'];
    const worse = await cli(...by, '--fail-on-regression', '--json', '--junit', junit);
    expect([worse.exitCode, worse.stderr]).toEqual([1, '']);
    const { differing, verdict, points } = compareSchema.parse(JSON.parse(worse.stdout));
    expect(differing).toEqual([{ key: 'guest_memory', before: '8MiB', after: '16777216B' }]);
    expect([verdict, points[0]!.runs.pairs]).toEqual(['worse', 10]);
    expect(readFileSync(junit, 'utf8')).toContain('<failure message="totalTimeMs: ');
  });

  it('has its runs compared, unless they can show nothing', async () => {
    const store = join(folder, 'killed');
    for (const [args, message] of [
      [
        [store, store, '--metric', 'downtimems'],
        'no run has this figure (did you mean downtimeMs?)',
      ],
      [[store, '--by', 'guest.memory=8MiB,9MiB'], 'no run has guest.memory = 9MiB'],
      [[store], 'compare: expected two results or stores'],
    ] as const) {
      const { exitCode, stderr } = await cli('compare', ...args);
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining(message)]);
    }
  });

  it('refuses wrong input with code 2, and nothing is made', async () => {
    const wrong = join(folder, 'wrong.yaml');
    writeFileSync(wrong, 'name: wrong\nscenario: web-server\nvary: { guest.vcpu: [1] }\n');
    const store = join(folder, 'refused');
    const nothing = join(folder, 'nothing.yaml');
    writeFileSync(nothing, `${readFileSync(file, 'utf8')}where: [guest.memry > 1]\n`);
    const refused = await cli('sweep', wrong, '-o', store);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toBe(`${wrong}:3:21 guest.vcpu: unknown key: did you mean vcpus?`);
    expect(existsSync(store)).toBe(false);
    for (const [args, message] of [
      [['sweep', file, '--shard', '3/2'], '--shard: expected a share such as 3/10'],
      [['sweep', file, '--chart', 'x.gif'], '--chart x.gif: expected a name that ends in .svg'],
      [['query', folder, 'SELECT 1'], 'is no store of a sweep'],
      [['sweep', nothing], 'nothing.yaml where: the conditions leave out every point'],
      [['sweep', file, '-o', '-'], '-o: a store is a folder'],
      [['merge', join(folder, 'all'), folder], 'is no store of a sweep'],
    ] as const) {
      const { exitCode, stderr } = await cli(...args);
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining(message)]);
    }
  });
});
