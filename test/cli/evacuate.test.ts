import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { evacuationSummary, parallelTable } from '../../src/cli/evacuate-table.ts';
import { evacuate, type EvacuateFlags } from '../../src/cli/evacuate.ts';
import type { EvacuationConfig } from '../../src/fleet/evacuation/config.ts';
import { loadEvacuation } from '../../src/fleet/evacuation/load.ts';
import { evacuationResultSchema } from '../../src/fleet/evacuation/result-schema.ts';
import { buildEvacuationResult } from '../../src/fleet/evacuation/result.ts';
import { fakeEvacuation } from '../support/fake-evacuation.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evacuate-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Play = NonNullable<Parameters<typeof evacuate>[2]>;

/** Runs the command on made-up evacuations. */
async function command(
  name: string,
  flags: Partial<EvacuateFlags> = {},
  play: Play = fakeEvacuation,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((text) => {
      written[stream] += String(text);
      return true;
    }),
  );
  try {
    const code = await evacuate(name, { set: [], ...flags }, play);
    return { code, ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

const inFolder = (name: string): string => join(folder, name);
const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));

describe('pageferry evacuate', () => {
  it('prints a line a guest and what it took', async () => {
    const { code, stdout, stderr } = await command('rack');
    expect(code).toBe(0);
    expect(stderr).toBe('');
    const lines = stripVTControlCharacters(stdout).split('\n');
    expect(lines[0]).toMatch(/^rack: old is empty after [\d.]+ s$/);
    expect(lines[1]).toBe('12 guests, at most 2 from the host, 5 in all at a time, order smallest');
    for (const guest of ['dns-1', 'web-4', 'cache-2', 'database', 'batch-1']) {
      expect(lines.filter((line) => line.startsWith(`${guest} `))).toHaveLength(1);
    }
    expect(stdout).toMatch(
      /proved: every byte of 3 guests and the versions of all pages of 9 guests/,
    );
  });

  it('says once that the CPUs of hosts have no effect in real time', async () => {
    const set = ['hosts[0].cpus=8', 'hosts[1].cpus=8'];
    const note =
      'hosts[].cpus has no effect in the runtime threads, where all guests share the CPUs of this machine\n';
    const real = { runtime: 'threads', set, parallel: '1,2' };
    expect(await command('four', real)).toMatchObject({ code: 0, stderr: note });
    expect((await command('four', { ...real, quiet: true })).stderr).toBe('');
    expect((await command('four', { ...real, runtime: 'virtual' })).stderr).toBe('');
    expect((await command('four', { ...real, set: [] })).stderr).toBe('');
  });

  it('says nothing when it is to be quiet', async () => {
    expect(await command('rack', { quiet: true })).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('prints its result as JSON, and nothing else', async () => {
    const { stdout } = await command('four', { json: true });
    const result = evacuationResultSchema.parse(JSON.parse(stdout));
    expect(result.guests).toHaveLength(4);
  });

  it('writes its result and its chart', async () => {
    const [output, svg, png] = [inFolder('a.json'), inFolder('a.svg'), inFolder('a.png')];
    const { code } = await command('rack', { output, chart: svg, quiet: true });
    expect(code).toBe(0);
    expect(evacuationResultSchema.parse(readJson(output)).emptied).toBe(true);
    expect(readFileSync(svg, 'utf8')).toMatch(/^<svg .*database/s);
    await command('rack', { chart: png, quiet: true });
    expect(readFileSync(png).subarray(1, 4).toString()).toBe('PNG');
    expect(readdirSync(folder).filter((file) => file.endsWith('.tmp'))).toEqual([]);
  });

  it('hands on the runtime and every key that is set', async () => {
    const seen: EvacuationConfig[] = [];
    const play: Play = (config) => {
      seen.push(config);
      return fakeEvacuation(config);
    };
    await command(
      'four',
      { runtime: 'virtual', set: ['core.bandwidth=2Gbit/s'], quiet: true },
      play,
    );
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ runtime: 'virtual', core: { bytesPerSecond: 250e6 } });
  });

  it('ends with 1 when a guest stayed, and says which', async () => {
    const set = ['guests[4].onDiverged=leave', 'guests[4].migration={ timeout: 3s }'];
    const { code, stdout } = await command('rack', { set });
    expect(code).toBe(1);
    const text = stripVTControlCharacters(stdout);
    expect(text).toMatch(/^rack: old is not empty after .*: 2 of 12 guests are still there/);
    expect(text).toMatch(/^batch-1 .* diverged$/m);
    expect(text).toMatch(
      /^batch-1, batch-2: it has not completed within its timeout.* core.bandwidth or nic$/m,
    );
  });

  it('ends with 3 when a byte differed, over all else', async () => {
    const play: Play = (config) => fakeEvacuation(config, { differs: true });
    const set = ['guests[4].onDiverged=leave', 'guests[4].migration={ timeout: 3s }'];
    const { code, stdout } = await command('rack', { set }, play);
    expect(code).toBe(3);
    expect(stdout).toMatch(/BYTES DIFFER in dns-1 \(1 page, first at gfn 7, byte 9\)/);
    // So it does when the result, or the chart, can't be written.
    const full = await command('rack', { set, output: '/dev/full', json: true }, play);
    expect(full.code).toBe(3);
    expect(full.stderr).toMatch(/^-o \/dev\/full: can't be written: no space is left .*printed/);
  });

  it('ends with 1 when what moved is not proved', async () => {
    const play: Play = async (config) => {
      const report = await fakeEvacuation(config);
      const guests = report.guests.map((guest) => {
        if (!guest.run) return guest;
        const { proof: _, ...run } = guest.run;
        return { ...guest, run };
      });
      return { ...report, guests };
    };
    expect((await command('four', { quiet: true }, play)).code).toBe(1);
    const off = await command('four', { set: ['verify=off'] }, play);
    expect(off.code).toBe(0);
    expect(off.stdout).toContain('no guest is proved');
  });

  it.each([
    ['a file that is not there', './none.yaml', {}, './none.yaml: there is no such file'],
    [
      'a wrong key',
      'rack',
      { set: ['ordr=given'] },
      '--set ordr: unknown key: did you mean order?',
    ],
    [
      'a runtime that is not there',
      'rack',
      { runtime: 'real' },
      '--runtime: expected threads or virtual, got "real"',
    ],
    [
      'too many guests for real time',
      'rack',
      { runtime: 'threads' },
      /guests: 12 guests are too many for the runtime threads/,
    ],
    [
      'a number that is none',
      'rack',
      { parallel: '1,x' },
      '--parallel: expected whole numbers from 1 to 100000 such as 1,2,5,10, got "x"',
    ],
    [
      'nobody at a time',
      'rack',
      { parallel: '0' },
      '--parallel: expected whole numbers from 1 to 100000 such as 1,2,5,10, got "0"',
    ],
    [
      'a chart of another kind',
      'rack',
      { chart: 'chart.pdf' },
      '--chart chart.pdf: expected a name that ends in .svg or .png',
    ],
    [
      'a folder that is not there',
      'rack',
      { output: '/none/result.json' },
      '-o /none/result.json: the folder /none is not there: make it first',
    ],
  ])('refuses %s before it begins', async (_, name, flags, message) => {
    const play = vi.fn<Play>();
    const { code, stdout, stderr } = await command(name, flags, play);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    if (typeof message === 'string') expect(stderr).toBe(`${message}\n`);
    else expect(stderr).toMatch(message);
    expect(play).not.toHaveBeenCalled();
  });

  it('cancels at the first Ctrl-C, and still writes its result', async () => {
    const output = inFolder('cancelled.json');
    const play: Play = (config, options) =>
      fakeEvacuation(config, {
        ...options,
        onProgress: (progress) => {
          options?.onProgress?.(progress);
          const { nowNs } = progress;
          if (nowNs > 3e9 && !options?.signal?.aborted) process.emit('SIGINT', 'SIGINT');
        },
      });
    const { code, stderr } = await command('rack', { output }, play);
    expect(code).toBe(1);
    expect(stderr).toContain('cancelling: guests that have not moved stay where they are');
    const { outcomes } = evacuationResultSchema.parse(readJson(output));
    expect(outcomes.waiting).toBeGreaterThan(0);
    expect(process.listenerCount('SIGINT')).toBe(0);
  });
});

describe('pageferry evacuate --parallel', () => {
  it('plays the evacuation for each number and prints one table', async () => {
    const limits: EvacuationConfig['limits'][] = [];
    const play: Play = (config) => {
      limits.push(config.limits);
      return fakeEvacuation(config);
    };
    const { code, stdout } = await command('rack', { parallel: '1,2,5,10' }, play);
    expect(code).toBe(0);
    expect(limits.map(({ outgoing, cluster }) => [outgoing, cluster])).toEqual([
      [1, 1],
      [2, 2],
      [5, 5],
      [10, 10],
    ]);
    const lines = stripVTControlCharacters(stdout).trimEnd().split('\n');
    expect(lines[0]).toMatch(/^at a time +empty after +all downtimes +median +longest +sent/);
    expect(lines.slice(1).map((line) => line.split(' ')[0])).toEqual(['1', '2', '5', '10']);
  });

  it('writes a list of results, and a chart for each', async () => {
    const output = inFolder('list.json');
    await command('four', { parallel: '1,4', output, chart: inFolder('gantt.svg'), quiet: true });
    const results = readJson(output) as unknown[];
    expect(results.map((one) => evacuationResultSchema.parse(one).limits.outgoing)).toEqual([1, 4]);
    for (const number of [1, 4]) expect(existsSync(inFolder(`gantt-${number}.svg`))).toBe(true);
    expect(existsSync(inFolder('gantt.svg'))).toBe(false);
  });

  it('of one number is an evacuation like any other', async () => {
    const output = inFolder('one.json');
    const { stdout } = await command('four', { parallel: '3', output });
    expect(evacuationResultSchema.parse(readJson(output)).limits.cluster).toBe(3);
    expect(stdout).toContain('old is empty after');
  });

  it('ends with the worst of its runs', async () => {
    const play: Play = (config) =>
      fakeEvacuation(config, { differs: config.limits.outgoing === 2 });
    const { code, stdout } = await command('four', { parallel: '1,2' }, play);
    expect(code).toBe(3);
    expect(stdout).toContain('2 at a time: BYTES DIFFER in idle');
  });

  it('says that there is no result when it is interrupted before a guest migrates', async () => {
    const play = vi.fn<Play>(() => {
      setImmediate(() => process.emit('SIGTERM', 'SIGTERM'));
      return new Promise(() => undefined);
    });
    const output = inFolder('nothing.json');
    const { code, stdout, stderr } = await command('four', { output }, play);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('interrupted before a guest could migrate: there is no result\n');
    expect(existsSync(output)).toBe(false);
  });

  it('runs no other after a Ctrl-C', async () => {
    const play = vi.fn<Play>((config, options) => {
      process.emit('SIGINT', 'SIGINT');
      return fakeEvacuation(config, options);
    });
    expect((await command('four', { parallel: '1,2,3', quiet: true }, play)).code).toBe(1);
    expect(play).toHaveBeenCalledTimes(1);
  });
});

describe('tables', () => {
  const result = async (sets: readonly string[] = []) => {
    const loaded = loadEvacuation('four', ['runtime=virtual', ...sets]);
    return buildEvacuationResult(loaded, await fakeEvacuation(loaded.config));
  };

  it('align what they say', async () => {
    const text = stripVTControlCharacters(
      evacuationSummary(await result(), { ns: 1e9, events: 1234 }),
    );
    expect(`\n${text}`).toMatchInlineSnapshot(`
      "
      four: old is empty after 1.96 s
      4 guests, at most 2 from the host at a time, order smallest

      guest      to  waited    took  downtime      sent  rounds  slow-down
      idle    new-1     0 s  555 ms   5.00 ms    32 MiB       1          –
      web-1   new-2     0 s  1.09 s   44.3 ms  60.3 MiB       2      8.8 %
      web-2   new-1  550 ms  1.09 s   44.3 ms  60.3 MiB       2      8.8 %
      writer  new-2  1.05 s  911 ms   60.7 ms  70.6 MiB       1       11 %

      downtime 154 ms in all, median 44.3 ms, longest 60.7 ms
      waiting 400 ms on average, longest 1.05 s; sent 223 MiB
      while it migrates a guest does 9.7 % less on average, 11 % at most
      link old up     │████████████████████████████████│ 1 Gbit/s on average
      link core forth │████████████████████████████████│ 1 Gbit/s of 1 Gbit/s on average, 100 %, 100 % at most
      link new-1 down │██████████████████████████      │ 408 Mbit/s on average
      link new-2 down │▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅██████│ 592 Mbit/s on average
      CPUs old   │██████████████████████████▇▇▇▇▇▇│ 5.8 on average, 6.0 at most
      CPUs new-1 │██████████████████████████      │ 0.82 on average, 1.0 at most
      CPUs new-2 │████████████████████████████████│ 1.0 on average, 1.0 at most
      proved: every byte of 1 guest and the versions of all pages of 3 guests
      emulated in 1 s, 2.0 times as fast as in real time; 1234 events
      "
    `);
  });

  it('compare numbers of parallel migrations', async () => {
    const rows = [];
    for (const at of [1, 4]) rows.push({ at, result: await result([`parallel.outgoing=${at}`]) });
    expect(`\n${stripVTControlCharacters(parallelTable(rows))}`).toMatchInlineSnapshot(`
      "
      at a time  empty after  all downtimes   median  longest     sent  longest wait  slow-down  at most  forced  stayed
      1               1.79 s         145 ms  45.1 ms  49.2 ms  207 MiB         1.2 s       13 %     14 %       0       0
      4               2.22 s         128 ms  36.9 ms  49.2 ms  258 MiB           0 s      6.8 %    7.2 %       0       0
      "
    `);
  });
});
