import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evacuationResultSchema } from '../../src/fleet/evacuation/result-schema.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

const pageferry = (args: readonly string[], input = '') =>
  execa(process.execPath, [MAIN, ...args], {
    reject: false,
    extendEnv: false,
    env: { PATH: process.env['PATH'] ?? '' },
    input,
    stripFinalNewline: false,
  });

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evacuate-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Three guests that are gone in a moment. */
const SMALL = `name: small
hosts: [{ name: old, cpus: 4 }, { name: new, cpus: 4 }]
core: { bandwidth: 2Gbit/s }
parallel: { outgoing: 2 }
guests:
  - name: web
    count: 3
    guest:
      memory: 16MiB
      vcpus: 1
      contents: [{ kind: random, zeroShare: 0.25 }]
      workloads: [{ pattern: uniform, rate: 5000, region: { size: 4MiB } }]
migration: { policy: rounds, rounds: 2, startAfter: 50ms, runAfter: 50ms }
`;

describe('the built pageferry evacuate', () => {
  it('empties a host, and writes the same result each time', async () => {
    const texts = [];
    for (const name of ['a', 'b']) {
      const [output, chart] = [join(folder, `${name}.json`), join(folder, `${name}.svg`)];
      const { exitCode, stdout, stderr } = await pageferry(
        ['evacuate', '-', '-o', output, '--chart', chart],
        SMALL,
      );
      expect(stderr).toBe('');
      expect(exitCode).toBe(0);
      expect(stdout).toContain('small: old is empty after');
      expect(stdout).toMatch(
        /proved: every byte of 1 guest and the versions of all pages of 2 guests/,
      );
      texts.push(readFileSync(output, 'utf8'), readFileSync(chart, 'utf8'));
    }
    expect(texts[2]).toBe(texts[0]);
    expect(texts[3]).toBe(texts[1]);
    const result = evacuationResultSchema.parse(JSON.parse(texts[0]!));
    const [first, second, third] = result.guests;
    expect([first!.waitingMs, second!.waitingMs]).toEqual([0, 0]);
    expect(third!.startMs).toBeGreaterThanOrEqual(Math.min(first!.endMs!, second!.endMs!));
    // Two share the link at first: each gets half of it.
    expect(first!.run!.link.achievedBytesPerSecond).toBeLessThan(0.6 * 250e6);
  });

  it('compares numbers of parallel migrations', async () => {
    const { exitCode, stdout } = await pageferry(['evacuate', '-', '--parallel', '1,3'], SMALL);
    expect(exitCode).toBe(0);
    expect(stdout.split('\n').map((line) => line.split(' ')[0])).toEqual(['at', '1', '3', '']);
  });

  it('ends with 1 when a guest does not converge and is left', async () => {
    const sets = [
      'migration.policy=qemu',
      'migration.rounds=null',
      'migration.timeout=200ms',
      'core.bandwidth=100Mbit/s',
    ];
    const args = sets.flatMap((set) => ['--set', set]);
    const { exitCode, stdout } = await pageferry(['evacuate', '-', ...args], SMALL);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^small: old is not empty after .*: 3 of 3 guests are still there/);
  });

  it('lists its presets and exit codes', async () => {
    const { exitCode, stdout } = await pageferry(['evacuate', '--help']);
    expect(exitCode).toBe(0);
    for (const preset of ['forty', 'four', 'gang', 'rack'])
      expect(stdout).toMatch(new RegExp(`^  ${preset} `, 'm'));
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('3 a byte differed');
  });

  it('ends with 2 for input that is wrong, with its place', async () => {
    const { exitCode, stdout, stderr } = await pageferry(
      ['evacuate', '-'],
      'hosts: [{ name: a }, { name: b }]\nguests:\n  - { name: web, guest: { memry: 16MiB } }\n',
    );
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr.trimEnd().split('\n')).toEqual([
      '<stdin>:3:25 guests[0].guest.memory: is missing: expected a size above 0 such as 64MiB',
      '<stdin>:3:27 guests[0].guest.memry: unknown key: did you mean memory?',
    ]);
  });

  it('ends with 2 for usage that is wrong', async () => {
    expect((await pageferry(['evacuate'])).exitCode).toBe(2);
    expect((await pageferry(['evacuate', 'rack', '--parallel', 'many'])).exitCode).toBe(2);
  });

  it('has a JSON schema', async () => {
    const { exitCode, stdout } = await pageferry(['schema', '--evacuation']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      title: 'Pageferry evacuation',
      required: ['hosts', 'guests'],
    });
  });
});
