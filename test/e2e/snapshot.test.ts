import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { restoreSchema, saveSchema } from '../../src/result/snapshot-schema.ts';
import { cliFolder, pageferry, sets, SMALL } from '../support/cli.ts';

const { folder, write } = cliFolder();
const SMALLER = sets('guest.memory=4MiB', 'runtime=virtual');

describe('pageferry save and restore', () => {
  it('save a guest, let it live on, and say that both lives are proved', async () => {
    const [snapshot, output] = [join(folder, 'small.snap'), join(folder, 'result.json')];
    const scenario = write('small.yaml', SMALL);
    const saved = await pageferry(['save', scenario, snapshot, ...SMALLER, '-o', output]);
    expect(saved).toMatchObject({ exitCode: 0, stderr: '' });
    expect(saved.stdout).toContain('small: 4 MiB guest, saved paused to ');
    expect(saved.stdout).toContain('the file: proved: 4 MiB in 1024 pages');
    const result = saveSchema.parse(JSON.parse(readFileSync(output, 'utf8')));
    expect(result).toMatchObject({ mode: 'offline', pages: { total: 1024, base: 0, same: 0 } });
    const restored = await pageferry(['restore', snapshot, '--json']);
    expect(restored).toMatchObject({ exitCode: 0, stderr: '' });
    const life = restoreSchema.parse(JSON.parse(restored.stdout));
    expect(life).toMatchObject({ outcome: 'completed', verify: { kind: 'full', ok: true } });
    expect(life.guest.savedAccesses).toBe(result.guest.savedAccesses);
  });
});
