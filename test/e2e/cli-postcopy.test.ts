import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { cliFolder, pageferry, readResult, sets, SMALL, NO_ROUNDS } from '../support/cli.ts';

const { folder, write } = cliFolder();

describe('post-copy', () => {
  it('runs the guest first and tells of its faults', async () => {
    const file = write('postcopy.yaml', SMALL);
    const { exitCode, stdout } = await pageferry([
      'run',
      file,
      ...sets('migration.algorithm=postcopy', NO_ROUNDS, 'link.bandwidth=200Mbit/s'),
    ]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^small: 16 MiB guest, 1 vCPU, post-copy, link 200Mbit\/s/);
    expect(stdout).toMatch(/^demand faults: \d+, median .*; vCPUs blocked for /m);
    expect(stdout).toMatch(/^proved: /m);
  });

  /** Its pages take some five seconds times `scale`. */
  const lossy = (outage: string, scale = 1): string[] =>
    sets(
      'migration.algorithm=postcopy',
      NO_ROUNDS,
      `link.bandwidth=${20_000 / scale}kbit/s`,
      `link.outages=[${outage}]`,
      'migration.postcopyRecoveryTimeout=1s',
    );

  /**
   * Runs a post-copy whose connection is lost in its middle. A machine that is too busy to begin post-copy within 2 s,
   * or that notices the outage only once everything has been sent, gets an outage that comes later in a run that is
   * slower. Returns what the first run has printed whose post-copy was paused.
   */
  async function runPaused(runtime: string, output: string) {
    const file = write('outage.yaml', SMALL);
    for (let scale = 1; ; scale *= 2) {
      const run = await pageferry([
        'run',
        file,
        '--runtime',
        runtime,
        '-o',
        output,
        ...lossy(`{ after: ${2 * scale}s, for: 50ms }`, scale),
        ...sets('migration.postcopyRecoveryTimeout=60s', `migration.timeout=${30 * scale}s`),
      ]);
      const { outcome, postcopyPauses } = readResult(output);
      const isPostcopyLate = outcome === 'failed' && !postcopyPauses;
      const isOutageLate = outcome === 'completed' && !postcopyPauses;
      if (runtime === 'virtual' || !(isPostcopyLate || isOutageLate)) return run;
    }
  }

  it.each(['threads', 'virtual'])('recovers from an outage, runtime %s', async (runtime) => {
    const output = join(folder, `outage-${runtime}.json`);
    const { exitCode, stdout } = await runPaused(runtime, output);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^postcopy-paused: once, at [\d.]+ s, for [\d.]+ m?s in all; \d+ pages/m,
    );
    expect(stdout).toMatch(/^proved: /m);
    const { postcopyPauses } = readResult(output);
    expect(postcopyPauses).toHaveLength(1);
    const [pause] = postcopyPauses!;
    expect(pause!.durationMs).toBeGreaterThan(pause!.recoverMs!);
    // In real time a source may notice late that its connection is lost.
    if (runtime === 'virtual') expect(pause!.durationMs).toBeGreaterThan(45);
  });

  it('whose link does not come back loses the guest, with exit code 1', async () => {
    const output = join(folder, 'lost.json');
    const { exitCode, stdout } = await pageferry([
      'run',
      write('lost.yaml', SMALL),
      '--runtime',
      'virtual',
      '-o',
      output,
      ...lossy('{ after: 100ms }'),
    ]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(
      /^failed, guest lost in .*: the link died and no new connection came within 1 s: \d+ of 4096 pages had yet to be sent$/m,
    );
    expect(readResult(output)).toMatchObject({ outcome: 'failed', guestLost: true });
  });

  it('with outages that overlap is refused, with exit code 2', async () => {
    const run = await pageferry([
      'run',
      write('overlap.yaml', SMALL),
      ...lossy('{ after: 1s, for: 1s }, { after: 1s }'),
    ]);
    expect({ exitCode: run.exitCode, stdout: run.stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(run.stderr.trimEnd()).toBe(
      '--set link.outages[1].after: must be later than the end of the outage before ("1s" + "1s")',
    );
  });

  it('of a compressed image that is too short is refused, with exit code 2', async () => {
    writeFileSync(join(folder, 'short.gz'), gzipSync(Buffer.alloc(8192)));
    const file = write(
      'image.yaml',
      SMALL.replace('kind: random, zeroShare: 0.25', 'kind: file, path: short.gz'),
    );
    const { exitCode, stdout, stderr } = await pageferry(['run', file]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(/image\.yaml guest\.contents: .*short\.gz ends after 8192 bytes/);
  });
});
