import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { MAIN } from '../support/cli.ts';
import { argumentsOf, type Block, blocksOf, makeProject, pageText } from '../support/examples.ts';

const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));

/** Pages that are read with a terminal beside them: their files are written, and their commands run, in order. */
const PAGES = [
  'tutorial.md',
  'how-to/reproduce-a-paper.md',
  'how-to/benchmark-an-algorithm.md',
  'how-to/regression-test.md',
  'how-to/real-numbers.md',
  'how-to/calibrate.md',
];

/** Returns the name of the file that a block is: it stands behind the fence, or in a comment on the first line. */
const fileOf = ({ file, code }: Block): string | undefined =>
  file ?? /^(?:#|\/\/) (\S+\.\w+)\n/.exec(code)?.[1];

/** Runs a line that a page shows, and returns what it prints on both streams; undefined for one that installs. */
function play(line: string, folder: string): string | undefined {
  const [npx, program, ...args] = argumentsOf(line);
  const file = { pageferry: MAIN, vitest: VITEST }[program ?? ''];
  if (npx !== 'npx' || file === undefined) return undefined;
  const { stdout, stderr } = spawnSync(process.execPath, [file, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', NO_COLOR: '1' },
  });
  return `${stdout}${stderr}`;
}

/** Spaces in tables depend on what else is in a column. */
const squeezed = (text: string): string => text.replaceAll(/\s+/g, ' ');

describe.each(PAGES)('%s', (page) => {
  const project = makeProject(['vitest']);
  afterAll(() => project.remove());

  it('shows what its commands print', () => {
    let printed = '';
    let shown = 0;
    for (const block of blocksOf(pageText(page))) {
      const file = fileOf(block);
      if (file !== undefined) project.write(file, block.code);
      else if (block.language === 'text') {
        for (const line of block.code.split('\n')) expect(printed).toContain(squeezed(line));
        shown++;
      } else if (block.language === '') {
        const lines = block.code.trimEnd().split('\n');
        printed = squeezed(lines.map((line) => play(line, project.folder) ?? '').join('\n'));
      }
    }
    expect(shown).toBeGreaterThan(0);
  });

  it('has programs whose types are right', () => {
    const isTyped = blocksOf(pageText(page)).some(({ language }) => language === 'ts');
    expect(() => isTyped && project.compile()).not.toThrow();
  });
});
