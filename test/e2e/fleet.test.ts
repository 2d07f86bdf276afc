import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fleetResultSchema } from '../../src/fleet/datacentre/result-schema.ts';
import { cliFolder, pageferry } from '../support/cli.ts';

const { folder, write } = cliFolder();

const FILE = `name: pair
duration: 60s
monitor: { interval: 5s }
hosts: [{ name: pm, count: 2, memory: 64MiB }]
guests: [{ name: web, count: 2, host: pm-1, guest: { memory: 4MiB, vcpus: 1 } }]
applications:
  - name: shop
    tiers: [{ guests: web, service: 5ms, pagesPerRequest: 4 }]
    load: { kind: constant, rate: 170 }
`;

describe('pageferry fleet', () => {
  it('moves a guest off a hot host, and says that its memory is right', async () => {
    const output = join(folder, 'fleet.json');
    const file = write('pair.yaml', FILE);
    const { exitCode, stdout } = await pageferry(['fleet', file, '-o', output]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('pair: 2 guests on 2 hosts, 60 s, policy sandpiper-black');
    expect(stdout).toContain('proved: the memory of all 1 migrations is right');
    const result = fleetResultSchema.parse(JSON.parse(readFileSync(output, 'utf8')));
    expect(result.migrations).toMatchObject([{ from: 'pm-1', to: 'pm-2', outcome: 'completed' }]);
  });

  it('refuses what is wrong with its place', async () => {
    const file = write('wrong.yaml', FILE.replace('guests: web,', 'guests: wbe,'));
    const { exitCode, stdout, stderr } = await pageferry(['fleet', file]);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain('wrong.yaml:8:23 applications[0].tiers[0].guests: there is no guest');
  });

  it('says in a sentence what is wrong with a policy of one’s own, and how far the fleet got', async () => {
    const output = join(folder, 'failed.json');
    write(
      'own.mjs',
      'export const own = () => ({ name: "own", decide: ({ vms }) => vms.length });',
    );
    const file = write('own.yaml', `${FILE}policy: { module: own.mjs, export: own }\n`);
    const { exitCode, stderr } = await pageferry(['fleet', file, '-o', output]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /^\S+own\.yaml policy: the policy own threw TypeError: .* \(\S+own\.mjs:1:\d+\); the fleet ended at 5 s of 60 s\n$/,
    );
    const result = fleetResultSchema.parse(JSON.parse(readFileSync(output, 'utf8')));
    expect(result).toMatchObject({ outcome: 'failed', durationMs: 5000 });
  });
});
