import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

const pageferry = (args: readonly string[], input = '') =>
  execa(process.execPath, [MAIN, ...args], {
    reject: false,
    extendEnv: false,
    env: { PATH: process.env['PATH'] ?? '' },
    input,
  });

describe('the built pageferry evacuate', () => {
  it('lists its presets and exit codes', async () => {
    const { exitCode, stdout } = await pageferry(['evacuate', '--help']);
    expect(exitCode).toBe(0);
    for (const preset of ['forty', 'four', 'rack'])
      expect(stdout).toMatch(new RegExp(`^  ${preset} `, 'm'));
    expect(stdout).toContain('3 a byte differed');
  });

  it('ends with 2 for input that is wrong, with its place', async () => {
    const { exitCode, stdout, stderr } = await pageferry(
      ['evacuate', '-'],
      'hosts: [{ name: a }, { name: b }]\nguests:\n  - { name: web, guest: { memry: 16MiB } }\n',
    );
    expect(exitCode).toBe(2);
    expect(stdout).toBe('');
    expect(stderr.split('\n')).toEqual([
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
