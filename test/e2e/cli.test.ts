import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { resultSchema } from '../../src/result/schema.ts';
import {
  cliFolder,
  MAIN,
  OPTIONS,
  pageferry,
  readResult,
  sets,
  SMALL,
  NO_ROUNDS,
} from '../support/cli.ts';

const { folder, write } = cliFolder();

describe('the virtual runtime', () => {
  it('writes the same result, byte for byte, each time', async () => {
    const texts = await Promise.all(
      ['a.json', 'b.json'].map(async (name) => {
        const output = join(folder, name);
        const args = ['run', write('virtual.yaml', SMALL), '--runtime', 'virtual', '-o', output];
        const { exitCode, stdout } = await pageferry(args);
        expect(exitCode).toBe(0);
        expect(stdout).toMatch(/proved: 16 MiB/);
        return readFileSync(output, 'utf8');
      }),
    );
    expect(texts[0]).toBe(texts[1]);
    expect(resultSchema.parse(JSON.parse(texts[0]!))).toMatchObject({ runtime: 'virtual' });
  });
});

describe('run', () => {
  it('migrates a preset, proves every byte and writes the result', async () => {
    const output = join(folder, 'quick.json');
    const { exitCode, stdout, stderr } = await pageferry(['run', 'quick', '-o', output]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/^quick: 256 MiB guest/);
    expect(stdout).toMatch(/^completed in /m);
    expect(stdout).toMatch(/^proved: 256 MiB in 65536 pages/m);
    const { outcome, verify, rounds, ram, scenario } = readResult(output);
    expect(outcome).toBe('completed');
    expect(verify).toMatchObject({ kind: 'replay', ok: true, pagesCompared: 65_536 });
    const live = rounds.filter((round) => !round.stopped);
    const stopped = rounds.filter((round) => round.stopped);
    expect(live.length).toBeGreaterThanOrEqual(2);
    expect(stopped).toHaveLength(1);
    expect(stopped[0]!.pages).toBeGreaterThan(0);
    expect(rounds.reduce((sum, round) => sum + round.bytes, 0)).toBe(
      ram.precopyBytes + ram.downtimeBytes,
    );
    expect(scenario).toMatchObject({ seed: 1, verify: 'replay', guest: { dirtyLog: 'bitmap' } });
    expect(readdirSync(folder).filter((name) => name.includes('quick'))).toEqual(['quick.json']);
  });

  it('prints the result and nothing else with --json', async () => {
    const scenario = write('json.yaml', SMALL);
    const { exitCode, stdout, stderr } = await pageferry([
      'run',
      scenario,
      '--runtime=virtual',
      '--json',
    ]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const { outcome, rounds, verify } = resultSchema.parse(JSON.parse(stdout));
    expect({ outcome, ok: verify?.ok }).toEqual({ outcome: 'completed', ok: true });
    expect(rounds.map((round) => round.stopped ?? false)).toEqual([false, false, true]);
  });

  it('prints nothing with -q', async () => {
    const output = join(folder, 'quiet.json');
    const scenario = write('quiet.yaml', SMALL);
    const { exitCode, all } = await execa(
      process.execPath,
      [MAIN, 'run', scenario, '--runtime=virtual', '-q', '-o', output],
      { ...OPTIONS, all: true },
    );
    expect({ exitCode, all }).toEqual({ exitCode: 0, all: '' });
    expect(readResult(output).outcome).toBe('completed');
  });

  it('reads a scenario from standard input', async () => {
    const { exitCode, stdout } = await pageferry(['run', '-', '--runtime=virtual'], SMALL);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^small: 16 MiB guest, 1 vCPU, pre-copy, policy rounds/);
  });

  it('takes overrides, the last one winning', async () => {
    const scenario = write('sets.yaml', SMALL);
    const { exitCode, stdout } = await pageferry([
      'run',
      scenario,
      '--json',
      ...sets('verify=full', 'verify=off', 'migration.algorithm=stop-and-copy', NO_ROUNDS),
      '--runtime',
      'threads',
    ]);
    expect(exitCode).toBe(0);
    const result = resultSchema.parse(JSON.parse(stdout));
    expect(result.verify).toEqual({ kind: 'off' });
    expect(result.rounds).toHaveLength(1);
    expect(result.rounds[0]).toMatchObject({ stopped: true, pages: 4096 });
  });

  it('proves runs with every dirty log, page size and end', async () => {
    const scenario = write('all.yaml', SMALL);
    const variants = [
      ['guest.dirtyLog=atomic', 'guest.pageSize=64KiB'],
      ['guest.pageSize=2MiB', 'migration.policy=qemu', NO_ROUNDS, 'verify=full'],
      [
        'guest.dirtyLog=none',
        'migration.algorithm=stop-and-copy',
        NO_ROUNDS,
        'link.integrity=header',
      ],
      ['link.bandwidth=unlimited', 'guest.workloads[0].rate=max', 'migration.encodings=[]'],
    ];
    for (const variant of variants) {
      const { exitCode, stdout } = await pageferry([
        'run',
        scenario,
        '--json',
        ...sets(...variant, 'migration.startAfter=20ms', 'migration.runAfter=20ms'),
      ]);
      const { outcome, verify } = resultSchema.parse(JSON.parse(stdout));
      expect({ variant, exitCode, outcome, ok: verify?.ok }).toEqual({
        variant,
        exitCode: 0,
        outcome: 'completed',
        ok: true,
      });
    }
  });
});
