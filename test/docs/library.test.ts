import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blocksOf, makeProject, pageText, type Project } from '../support/examples.ts';

const page = pageText('library.md');
const blocks = blocksOf(page);
/** The examples, each with the text that the page shows under it. */
const examples = blocks.flatMap(({ language, code }, i) =>
  language === 'ts' ? [{ code, printed: blocks[i + 1]! }] : [],
);

/** What the types take and refuse: the compiler complains when a line below a comment is right after all. */
const TYPES = `
import { evacuate, fleet, host, protect, run, type ScenarioInput, sweep } from 'pageferry';
import { VirtualWorld } from 'pageferry/worlds';
const workloads = [{ pattern: 'dirty-vector', points: [{ after: '1s', pages: 3 }] }] as const;
const migration = { qemuVersion: 7.2, throttle: { initial: 0.3 } } as const;
export const scenario: ScenarioInput = { guest: { memory: '1GiB', workloads }, migration };
export const calls = [
  () => run({ guest: { memory: 1, memoryManager: {} }, costs: { profile: 'none' } }),
  () => sweep({ name: 'x', scenario: 'quick', vary: { seed: [1, 2] } }),
  () => evacuate({ hosts: [{ name: 'a' }], guests: [{ name: 'g', guest: { memory: 1 } }] }),
  () => host({ duration: '1s', host: { memory: '1GiB' }, guests: [{ name: 'g', guest: { memory: 1 } }] }),
  () => protect({ guest: { memory: 1 }, replication: { interval: 'fastest', killAt: '1s' } }),
  () => fleet({ duration: '1s', hosts: [{ name: 'a', memory: 1 }], guests: [{ name: 'g', guest: { memory: 1 } }] }),
  // @ts-expect-error A protected guest has memory.
  () => protect({ guest: {} }),
  // @ts-expect-error A misspelt key of a host.
  () => host({ duration: '1s', host: { memory: 1, tax: 0 }, guests: [] }),
  // @ts-expect-error A fleet has guests.
  () => fleet({ duration: '1s', hosts: [] }),
  // @ts-expect-error A misspelt key.
  () => run({ guest: { memory: '1GiB', vcpu: 3 } }),
  // @ts-expect-error The memory is required.
  () => run({ guest: {} }),
  // @ts-expect-error A rate is required.
  () => run({ guest: { memory: 1, workloads: [{ pattern: 'uniform' }] } }),
  // @ts-expect-error There is no such policy.
  () => run({ guest: { memory: 1 }, migration: { policy: 'qmeu' } }),
  () => new VirtualWorld({ hosts: [] }),
];
`;

/** Runs all examples in one process, and prints a list of what each of them printed. */
const RUNNER = `
const printed = [];
const log = console.log;
for (let i = 0; i < ${examples.length}; i++) {
  const lines = [];
  console.log = (...args) => lines.push(format(...args));
  await import('./out/example-' + i + '.js');
  printed.push(lines.map((line) => line + '\\n').join(''));
}
const names = Object.keys(await import('pageferry'));
log(JSON.stringify({ printed, names }));
`;

describe('the page of the library', () => {
  let project: Project;
  let printed: string[] = [];
  /** What the package exports besides types. */
  let values: string[] = [];
  beforeAll(() => {
    project = makeProject();
    examples.forEach(({ code }, i) => project.write(`example-${i}.ts`, code));
    project.write('types.ts', TYPES);
    project.compile();
    project.write('run.mjs', `import { format } from 'node:util';${RUNNER}`);
    const output = execFileSync(process.execPath, ['run.mjs'], {
      cwd: project.folder,
      encoding: 'utf8',
    });
    const ended = JSON.parse(output) as { printed: string[]; names: string[] };
    ({ printed, names: values } = ended);
  });
  afterAll(() => project.remove());

  it.each(examples.map((example, i) => ({ ...example, i })))(
    'shows what example $i prints',
    ({ i, printed: shown }) => {
      expect(shown.language).toBe('text');
      expect(printed[i]).toBe(shown.code);
    },
  );

  it('has own kinds of 20 lines', () => {
    const policies = examples.flatMap(({ code }) =>
      Array.from(code.matchAll(/^const \w+: FleetPolicy = [\s\S]*?^\};$/gm), ([text]) => text),
    );
    expect(policies.map((text) => text.split('\n').length <= 20)).toEqual([true]);
    const owns = examples.filter(({ code }) => /: (?:Policy|PageOrder|Trace)Factory =/.test(code));
    expect(owns).toHaveLength(3);
    for (const { code } of owns) {
      const kind = /^const \w+: \w+Factory = [\s\S]*?^\}\);$/m.exec(code)![0];
      expect(kind.split('\n').length).toBeLessThanOrEqual(20);
    }
  });

  const exported = Array.from(
    page.slice(page.indexOf('## What is exported')).matchAll(/`(\w+)`/g),
    (match) => match[1]!,
  ).toSorted();

  it('lists what the package exports', () => {
    // What a module exports as a type is in its text alone.
    const text = readFileSync(new URL('../../src/index.ts', import.meta.url), 'utf8');
    const names = Array.from(text.matchAll(/^export (?:type )?\{([^}]*)\}/gm)).flatMap((match) =>
      match[1]!
        .split(',')
        .map((one) => one.trim().split(' ').at(-1)!)
        .filter((one) => one !== ''),
    );
    expect(exported).toEqual(names.toSorted());
    expect(values.length).toBeGreaterThan(10);
    expect(values.filter((name) => !names.includes(name))).toEqual([]);
  });
});
