import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import {
  cliFolder,
  MAIN,
  OPTIONS,
  pageferry,
  readResult,
  sets,
  SLOW,
  SMALL,
  NO_ROUNDS,
} from '../support/cli.ts';

const { folder, write } = cliFolder();

describe('run that does not complete', () => {
  it('ends with 1 and a proved guest at the source when its time is over', async () => {
    const output = join(folder, 'diverged.json');
    const scenario = write('diverged.yaml', SMALL);
    const { exitCode, stdout, stderr } = await pageferry([
      'run',
      scenario,
      '-o',
      output,
      ...sets(...SLOW, 'migration.timeout=300ms'),
    ]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
    expect(stdout).toMatch(/^diverged in /m);
    const { outcome, verify, ram, downtimeMs } = readResult(output);
    expect(outcome).toBe('diverged');
    expect(verify).toMatchObject({ kind: 'full', ok: true });
    expect(ram.remaining).toBeGreaterThan(0);
    expect(downtimeMs).toBeUndefined();
  });

  it('is cancelled by Ctrl-C, and still writes its result and proves it', async () => {
    const output = join(folder, 'cancelled.json');
    const run = onTerminal(['run', write('cancelled.yaml', SMALL), '-o', output, ...sets(...SLOW)]);
    await hasPrinted(run, /round 1/);
    run.kill('SIGINT');
    const { exitCode, stdout, stderr } = await run;
    expect(exitCode).toBe(1);
    expect(stripVTControlCharacters(stderr)).toContain('cancelling: the guest stays where it is');
    expect(stdout).toMatch(/^cancelled in /m);
    const { outcome, verify } = readResult(output);
    expect(outcome).toBe('cancelled');
    // On a busy machine the proof may not be over within the time that a user is left to wait; then there is none.
    expect(verify ?? { kind: 'full', ok: true }).toMatchObject({ kind: 'full', ok: true });
  });

  it('ends by SIGTERM as by Ctrl-C', async () => {
    const output = join(folder, 'terminated.json');
    const run = onTerminal([
      'run',
      write('terminated.yaml', SMALL),
      '-o',
      output,
      ...sets('runtime=virtual', 'link.bandwidth=10kbit/s', 'migration.timeout=1000000s'),
    ]);
    await hasPrinted(run, /migrating/);
    run.kill('SIGTERM');
    expect((await run).exitCode).toBe(1);
    expect(readResult(output).outcome).toBe('cancelled');
  });

  it('says that there is no result when it is interrupted while memory is filled', async () => {
    const output = join(folder, 'unfilled.json');
    const run = onTerminal([
      'run',
      'quick',
      '--runtime=virtual',
      '-o',
      output,
      ...sets('guest.memory=4GiB', 'guest.contents=[{"kind": "random"}]'),
    ]);
    await hasPrinted(run, /filling memory/);
    run.kill('SIGTERM');
    const { exitCode, stdout, stderr } = await run;
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    const last = stderr.split('\r\u001B[2K').at(-1);
    expect(last).toBe('interrupted before the migration began: there is no result\n');
    expect(existsSync(output)).toBe(false);
  });

  it('refuses Ctrl-C once post-copy has begun, and completes', async () => {
    const run = onTerminal([
      'run',
      write('late.yaml', SMALL),
      ...sets('migration.algorithm=postcopy', NO_ROUNDS, 'link.bandwidth=40Mbit/s'),
    ]);
    await hasPrinted(run, /postcopy/);
    run.kill('SIGINT');
    const { exitCode, stdout, stderr } = await run;
    // A terminal's lines are shorter than the sentence.
    expect(stripVTControlCharacters(stderr).replaceAll(/\s+/g, ' ')).toContain(
      'too late to cancel: the guest runs at the destination, its pages are still coming',
    );
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^completed in /m);
  });

  it('leaves at once with 130 at the second Ctrl-C, without a result', async () => {
    const output = join(folder, 'interrupted.json');
    const run = onTerminal([
      'run',
      write('interrupted.yaml', SMALL),
      '-o',
      output,
      // Seconds of writes to replay, so that the proof is not over before the second Ctrl-C.
      ...sets(...SLOW, 'guest.workloads[0].rate=max', 'migration.startAfter=1s'),
    ]);
    await hasPrinted(run, /round 1/);
    run.kill('SIGINT');
    await hasPrinted(run, /cancelling/);
    run.kill('SIGINT');
    const { exitCode, stdout } = await run;
    expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: '' });
    expect(existsSync(output)).toBe(false);
  });
});

/** With a standard error that takes itself for a terminal, so that progress can be followed. */
function onTerminal(args: readonly string[]) {
  const preload = 'data:text/javascript,process.stderr.isTTY=true';
  return execa(process.execPath, ['--import', preload, MAIN, ...args], OPTIONS);
}

/** Waits for words on standard error; fails when the run ends without them. */
async function hasPrinted(run: ReturnType<typeof onTerminal>, words: RegExp): Promise<void> {
  let printed = '';
  await new Promise<void>((resolve, reject) => {
    const listen = (chunk: Buffer): void => {
      printed += chunk.toString();
      if (!words.test(stripVTControlCharacters(printed))) return;
      run.stderr.off('data', listen);
      resolve();
    };
    run.stderr.on('data', listen);
    run.stderr.once('end', () => reject(new Error(`no ${words.source} in: ${printed}`)));
  });
}
