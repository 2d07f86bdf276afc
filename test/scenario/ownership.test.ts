import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PatternKind } from '../../src/guest/patterns/kind.ts';
import { PATTERNS } from '../../src/guest/patterns/registry.ts';
import { PAGE_ORDERS } from '../../src/migration/page-orders/registry.ts';
import { POLICIES } from '../../src/migration/policies/registry.ts';
import { MIGRATION_KEYS } from '../../src/migration/spec/migration-keys.ts';
import { InputError } from '../../src/scenario/input-error.ts';
import { scenarioJsonSchema } from '../../src/scenario/json-schema.ts';
import { loadScenario, loadScenarioText } from '../../src/scenario/load.ts';
import { defaultsOf, type Key, type Keys } from '../../src/units/keys.ts';

/** A migration with these keys, each on a line of its own from line 3 on, its value in column `at`. */
const textOf = (migration: Readonly<Record<string, unknown>>): string =>
  ['guest: { memory: 64MiB }', 'migration:']
    .concat(Object.entries(migration).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`))
    .join('\n');

function complaints(text: string, sets: readonly string[] = []): string[] {
  try {
    loadScenarioText('s', text, sets);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.message.split('\n');
  }
  return [];
}

/** A value that may stand at a key: its default, or one like those of documents; a map may be empty. */
const VALUES: Readonly<Record<string, unknown>> = {
  dirtyLimit: '1MB/s',
  dirtyLimitPeriod: '1s',
  stun: { faults: 40 },
  availSwitchoverBandwidth: '1GB/s',
  maxBandwidth: '1GB/s',
};
const valueOf = (name: string, key: Key): unknown =>
  key.presence === 'defaulted' ? key.fallback : (VALUES[name] ?? {});

const kinds = [...POLICIES] as readonly { readonly name: string; readonly keys: Keys }[];
const pairs = kinds.flatMap(({ name: owner, keys }) =>
  Object.entries(keys).flatMap(([key, description]) =>
    kinds
      .filter((other) => !(key in other.keys))
      .map((other) => [key, owner, other.name, description] as const),
  ),
);

describe('a key of one policy under another', () => {
  it('is tried for all of them', () => {
    expect(pairs.length).toBeGreaterThan(60);
  });

  it.each(pairs)('%s, of %s, under %s', (key, owner, policy, description) => {
    const text = textOf({ policy, [key]: valueOf(key, description) });
    const sentence = `is a setting of policy ${owner}, the migration has policy ${policy}: leave it out`;
    expect(complaints(text)).toEqual([`s:4:${key.length + 5} migration.${key}: ${sentence}`]);
  });
});

describe('a key that its algorithm does not look at', () => {
  const live = ['precopy', 'hybrid'];
  const late = ['postcopy', 'hybrid'];
  const decided = ['precopy', 'hybrid', 'stop-and-copy'];
  const looked: Readonly<Record<string, readonly [string, readonly string[], object?]>> = {
    rounds: ['live rounds', live, { policy: 'rounds' }],
    autoConverge: ['live rounds', live],
    throttle: ['live rounds', live, { autoConverge: true }],
    stun: ['live rounds', live, { policy: 'clark2005' }],
    downtimeLadder: ['pre-copy', decided],
    availSwitchoverBandwidth: ['pre-copy', decided],
    kubevirt: ['pre-copy', decided, { downtimeLadder: 'kubevirt-stall' }],
    nova: ['pre-copy', decided, { downtimeLadder: 'nova' }],
    proxmox: ['pre-copy', decided, { downtimeLadder: 'proxmox' }],
    postcopyAfter: ['hybrid', ['hybrid']],
    postcopyBandwidth: ['post-copy', late],
    postcopyPreempt: ['post-copy', late],
    postcopyRecovery: ['post-copy', late],
    postcopyRecoveryTimeout: ['post-copy', late],
    pageOrder: ['post-copy', late],
    swapOrder: ['post-copy', late],
    swapReadaheadPages: ['post-copy', late],
    bubbling: ['post-copy', late, { pageOrder: 'bubbling' }],
    pseudoPaging: ['post-copy', late],
  };
  const cases = Object.entries(looked).flatMap(([key, [whose, algorithms, more]]) =>
    ['stop-and-copy', 'precopy', 'postcopy', 'hybrid'].map(
      (algorithm) => [key, algorithm, whose, algorithms.includes(algorithm), more ?? {}] as const,
    ),
  );

  it.each(cases)('%s under %s', (key, algorithm, whose, isLooked, more) => {
    const description = (MIGRATION_KEYS as Keys)[key]!;
    const text = textOf({ algorithm, [key]: valueOf(key, description), ...more });
    const sentence = `has an effect only with ${whose}, the migration is ${algorithm}: leave it out`;
    const own = complaints(text).filter((line) => line.includes(` migration.${key}: `));
    expect(own).toEqual(isLooked ? [] : [`s:4:${key.length + 5} migration.${key}: ${sentence}`]);
  });
});

describe('a key of a setting that is off', () => {
  const of = (migration: object): string[] => complaints(textOf({ ...migration }));

  it.each([
    [
      { throttle: { max: 0.5 } },
      's:3:13 migration.throttle: has an effect only with autoConverge, which is off: leave it out, or set autoConverge: true',
    ],
    [
      { dirtyLimitPeriod: '2s' },
      's:3:21 migration.dirtyLimitPeriod: has an effect only with dirtyLimit, which is not set: leave it out, or set dirtyLimit',
    ],
    [
      { kubevirt: {} },
      's:3:13 migration.kubevirt: has an effect only with downtimeLadder kubevirt, kubevirt-timeouts or kubevirt-stall, the migration has none: leave it out',
    ],
    [
      { downtimeLadder: 'kubevirt-timeouts', kubevirt: { maxDowntime: '1s' } },
      's:4:28 migration.kubevirt.maxDowntime: has an effect only with downtimeLadder kubevirt or kubevirt-stall, the migration has kubevirt-timeouts: leave it out',
    ],
    [
      { downtimeLadder: 'kubevirt-stall', kubevirt: { progressTimeout: '1s' } },
      's:4:32 migration.kubevirt.progressTimeout: has an effect only with downtimeLadder kubevirt or kubevirt-timeouts, the migration has kubevirt-stall: leave it out',
    ],
    [
      { algorithm: 'hybrid', downtimeLadder: 'kubevirt-stall', postcopyAfter: 2 },
      's:5:18 migration.postcopyAfter: is decided on by downtimeLadder kubevirt-stall: leave it out',
    ],
    [
      { algorithm: 'postcopy', pageOrder: 'linear', bubbling: { pivots: 7 } },
      's:5:13 migration.bubbling: has an effect only with pageOrder bubbling, the migration has linear: leave it out',
    ],
    [
      { algorithm: 'postcopy', pageOrder: 'bubbling', bubbling: { discardsQueue: true } },
      's:5:30 migration.bubbling.discardsQueue: needs queuePages, how many pages the queue has: add it, or leave this out',
    ],
  ])('%j', (migration, expected) => {
    expect(of(migration)).toEqual([expected]);
  });
});

describe('a complete scenario, as a result holds it', () => {
  it.each(POLICIES.map(({ name }) => name))('loads again with policy %s', (policy) => {
    const { scenario } = loadScenarioText('s', textOf({ policy }));
    expect(scenario.migration).toMatchObject({ ...defaultsOf(MIGRATION_KEYS), policy });
    expect(loadScenarioText('again', JSON.stringify(scenario)).scenario).toEqual(scenario);
  });

  it.each(PAGE_ORDERS.map(({ name }) => name))('loads again with page order %s', (pageOrder) => {
    const bubbling = pageOrder === 'bubbling' ? { bubbling: {} } : {};
    const text = textOf({ algorithm: 'hybrid', pageOrder, ...bubbling });
    const { scenario } = loadScenarioText('s', text);
    expect(loadScenarioText('again', JSON.stringify(scenario)).scenario).toEqual(scenario);
  });

  it('is not what a few keys make, though they say the defaults', () => {
    expect(complaints(textOf({ policy: 'xen', rounds: 30, autoConverge: false }))).toHaveLength(2);
  });

  it('may not say more than the defaults about the others', () => {
    const { scenario } = loadScenarioText('s', textOf({ policy: 'xen' }));
    const migration = { ...scenario.migration, rounds: 31 };
    expect(complaints(JSON.stringify({ ...scenario, migration }))).toEqual([
      expect.stringContaining('migration.rounds: is a setting of policy rounds'),
    ]);
  });
});

describe('an override', () => {
  it('takes a key of a preset out with null', () => {
    const sets = ['migration.policy=qemu', 'migration.rounds=null'];
    expect(loadScenario('diabolical', sets).scenario.migration.policy).toBe('qemu');
  });

  it('that is missing is told of', () => {
    expect(() => loadScenario('diabolical', ['migration.policy=qemu'])).toThrow(
      /^preset diabolical:\d+:\d+ migration\.rounds: is a setting of policy rounds, the migration has policy qemu: leave it out \(--set migration\.rounds=null\)$/,
    );
  });

  it('of a key that is not there takes nothing out', () => {
    const { scenario } = loadScenario('quick', ['migration.stun=null']);
    expect(scenario).toEqual(loadScenario('quick').scenario);
  });
});

describe('a key of one pattern under another', () => {
  const needed: Readonly<Record<string, object>> = {
    hotspot: { hotPages: 0.1, hotAccesses: 0.9 },
    stride: { stride: '4KiB' },
    'dirty-vector': { points: [1, 2].map((pages) => ({ after: `${pages}s`, pages })) },
    trace: { trace: { file: 'none' } },
  };
  const patterns = [...PATTERNS] as readonly PatternKind[];
  const wrong = patterns.flatMap(({ keys, pace }) =>
    Object.keys({ ...keys, ...pace }).flatMap((key) =>
      patterns
        .filter((other) => !(key in other.keys) && !(key in other.pace))
        .map(({ name, pace: its }) => [key, name, 'rate' in its] as const),
    ),
  );
  it.each(wrong)('%s under %s', (key, pattern, isPaced) => {
    const workload = { pattern, ...needed[pattern], ...(isPaced ? { rate: 5 } : {}), [key]: 1 };
    const text = JSON.stringify({ guest: { memory: '1MiB', workloads: [workload] } });
    const [problem, ...others] = complaints(text);
    expect(others).toEqual([]);
    expect(problem).toMatch(new RegExp(`^s:1:\\d+ guest\\.workloads\\[0\\]\\.${key}: `));
    expect(problem).toMatch(/unknown key|a trace has its own pace|follows from its points/);
  });

  it('is tried for all of them', () => {
    expect(wrong.length).toBeGreaterThan(30);
  });
});

describe('docs/reference/scenario.md', () => {
  const text = readFileSync(new URL('../../docs/reference/scenario.md', import.meta.url), 'utf8');
  const kindsOfAll = [...POLICIES, ...PAGE_ORDERS, ...PATTERNS] as readonly {
    readonly name: string;
    readonly keys: Keys;
  }[];

  it.each(kindsOfAll.map(({ name, keys }) => [name, keys] as const))(
    'tells of %s',
    (name, keys) => {
      const words = [name, ...Object.keys(keys)];
      expect(words.filter((word) => !new RegExp(`\\b${word}\\b`).test(text))).toEqual([]);
    },
  );
});

describe('the JSON schema of a migration', () => {
  interface Schema {
    readonly properties: Readonly<Record<string, Schema>>;
    readonly description?: string;
  }

  it('has every key of every kind, each with what it is about', () => {
    const { properties } = (scenarioJsonSchema() as unknown as Schema).properties['migration']!;
    expect(Object.keys(properties)).toEqual(Object.keys(MIGRATION_KEYS));
    for (const [name, key] of Object.entries(MIGRATION_KEYS as Keys)) {
      expect(properties[name]!.description).toContain(key.about);
    }
  });
});

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'own-kinds-'));
  const write = (file: string, text: string): void => writeFileSync(join(folder, file), text);
  write(
    'kinds.mjs',
    `export const policy = ({ rounds }) => ({ name: 'p', skipsRedirtied: false, initial: null, decide: (state) => ({ state, actions: [] }), rounds });
export const order = () => ({ next() {}, requested() {} });
export const nothing = () => undefined;
export const wrong = () => { throw new Error('rounds must be even'); };
export const number = 3;
export const trace = (options, { pages }) => ({ intervalMs: 10, written: [[0, 2, 4, 1], [pages - 1, 1]], ...options });
`,
  );
  write('broken.mjs', 'export const policy = (\n');
  write('late.mjs', 'export const policy = await Promise.resolve(1);\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('an own kind', () => {
  const load = (text: string) => loadScenarioText('s', text, [], folder);
  const problemsOf = (text: string): string[] => {
    try {
      load(text);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return error.message.split('\n').map((line) => line.replaceAll(folder, 'FOLDER'));
    }
    return [];
  };

  it('is found beside the scenario, and named so that the scenario can be run from anywhere', () => {
    const policy = { module: 'kinds.mjs', export: 'policy', options: { rounds: 2 } };
    const pageOrder = { module: './kinds.mjs', export: 'order' };
    const { scenario, config } = load(textOf({ algorithm: 'hybrid', policy, pageOrder }));
    const module = join(folder, 'kinds.mjs');
    expect(scenario.migration).toMatchObject({
      policy: { ...policy, module },
      pageOrder: { ...pageOrder, module },
    });
    expect(config.migration).toMatchObject({
      policy: { ...policy, module },
      pageOrder: { ...pageOrder, module },
    });
  });

  it.each([
    ['gone.mjs', 'policy', 'module', '21', 'there is no file FOLDER/gone.mjs'],
    [
      'kinds.mjs',
      'polcy',
      'export',
      '42',
      'FOLDER/kinds.mjs exports no function polcy: it exports nothing, order, policy, trace, wrong',
    ],
    [
      'kinds.mjs',
      'number',
      'export',
      '42',
      'FOLDER/kinds.mjs exports no function number: it exports nothing, order, policy, trace, wrong',
    ],
    [
      'kinds.mjs',
      'nothing',
      'export',
      '42',
      'nothing of FOLDER/kinds.mjs makes no policy: an object with name, skipsRedirtied, initial and the function decide',
    ],
    [
      'kinds.mjs',
      'wrong',
      'export',
      '42',
      'wrong of FOLDER/kinds.mjs makes no policy: rounds must be even',
    ],
    [
      'late.mjs',
      'policy',
      'module',
      '21',
      "FOLDER/late.mjs can't be loaded: it awaits something at its top level",
    ],
  ])('%s %s is refused', (module, name, key, column, sentence) => {
    expect(problemsOf(textOf({ policy: { module, export: name } }))).toEqual([
      `s:3:${column} migration.policy.${key}: ${sentence}`,
    ]);
  });

  it('that is no JavaScript is refused', () => {
    const [problem] = problemsOf(textOf({ policy: { module: 'broken.mjs', export: 'policy' } }));
    expect(problem).toMatch(
      /^s:3:21 migration\.policy\.module: FOLDER\/broken\.mjs can't be loaded: /,
    );
  });

  it('of a page order has to be one', () => {
    const pageOrder = { module: 'kinds.mjs', export: 'policy', options: {} };
    expect(problemsOf(textOf({ algorithm: 'postcopy', pageOrder }))).toEqual([
      's:4:45 migration.pageOrder.export: policy of FOLDER/kinds.mjs makes no page order: an object with the functions next and requested',
    ]);
  });

  it('of a policy has no keys of those known by name, and has no effect in post-copy', () => {
    const policy = { module: 'kinds.mjs', export: 'policy', options: {} };
    expect(problemsOf(textOf({ policy, algorithm: 'stop-and-copy' }))).toEqual([]);
    expect(problemsOf(textOf({ policy, algorithm: 'postcopy' }))).toEqual([
      's:3:11 migration.policy: is a policy of your own, which postcopy never asks: leave it out, or choose another algorithm',
    ]);
    expect(problemsOf(textOf({ policy, rounds: 3 }))).toEqual([
      's:4:11 migration.rounds: is a setting of policy rounds, the migration has a policy of your own: leave it out',
    ]);
  });

  const traced = (file: object, more: object = {}): string =>
    JSON.stringify({
      guest: { memory: '1MiB', workloads: [{ pattern: 'trace', trace: { file, ...more } }] },
    });

  it('makes a trace', () => {
    const { config } = load(traced({ module: 'kinds.mjs', export: 'trace' }));
    const { pattern } = config.guest.workloads[0]!;
    if (pattern.kind !== 'trace') throw new Error('it is no trace');
    const { intervalNs, endGfn, intervals } = pattern.intervals;
    expect({ intervalNs, endGfn }).toEqual({ intervalNs: 10e6, endGfn: 256 });
    expect(intervals.map((one) => [...one].toSorted((a, b) => a - b))).toEqual([[0, 1, 4], [255]]);
  });

  it.each([
    [
      { intervalMs: 0 },
      'trace of FOLDER/kinds.mjs makes no trace: expected intervalMs, a number of milliseconds above 0',
    ],
    [
      { written: [[1]] },
      'trace of FOLDER/kinds.mjs makes no trace: line 1: expected [gfnStart, count, ...] pairs',
    ],
    [{ written: [[0, 257]] }, 'its trace names page 256, the region has 256 pages'],
    [{ touched: [[0, 1]] }, 'its trace has other intervals in touched than in written'],
  ])('whose trace is %j is refused', (options, sentence) => {
    const [problem] = problemsOf(traced({ module: 'kinds.mjs', export: 'trace', options }));
    expect(problem).toMatch(/^s:1:\d+ guest\.workloads\[0\]\.trace\.file\.export: /);
    expect(problem!.slice(problem!.indexOf(': ') + 2)).toBe(sentence);
  });

  it('makes what is touched itself', () => {
    const file = { module: 'kinds.mjs', export: 'trace' };
    expect(problemsOf(traced(file, { touched: 'x.pftrace' }))).toEqual([
      expect.stringContaining('trace.touched: comes from the module that makes the trace'),
    ]);
  });
});
