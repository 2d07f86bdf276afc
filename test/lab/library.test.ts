import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  checkScenario,
  compare,
  evacuate,
  fleet,
  host,
  InputError,
  openStore,
  paper,
  type PolicyFactory,
  type PresetKind,
  presets,
  protect,
  run,
  type RunProgress,
  type ScenarioInput,
  StoreError,
  sweep,
  type TraceFactory,
  whatIf,
  type WhatIfProgress,
} from '../../src/index.ts';

const once: PolicyFactory = () => ({
  name: 'once',
  skipsRedirtied: false,
  initial: null,
  decide(state, { event, pendingPages }) {
    const goesOn = pendingPages > 0 && event !== 'synced';
    const kind = event === 'synced' ? 'switchover' : goesOn ? 'continue' : 'sync';
    return { state, actions: [{ kind }] };
  },
});

const SMALL = {
  runtime: 'virtual',
  guest: {
    memory: '2MiB',
    vcpus: 1,
    contents: [{ kind: 'random' }],
    workloads: [{ pattern: 'uniform', rate: 5000 }],
  },
  link: { bandwidth: '50MB/s' },
  migration: { startAfter: '20ms', runAfter: '20ms' },
} as const satisfies ScenarioInput;

/** What rejects with an InputError, as `place key: sentence`. */
async function refusal(act: Promise<unknown>): Promise<string> {
  const error = await act.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).message;
}

describe('a run from a plain object', () => {
  it('is the run of the same scenario in a file', async () => {
    const result = await run(SMALL);
    expect(result).toMatchObject({ outcome: 'completed', verify: { ok: true } });
    expect(await run(result)).toEqual(result);
  });

  it('has the same result each time with a function as its policy', async () => {
    const migration = { ...SMALL.migration, policy: once };
    const [first, second] = [
      await run({ ...SMALL, migration }),
      await run({ ...SMALL, migration }),
    ];
    expect(first.rounds).toHaveLength(2);
    expect(second).toEqual(first);
    expect(await refusal(run(first))).toMatch(/a-function-of-the-program-that-made-this-result$/);
  });

  it('keeps the functions of runs at the same time apart', async () => {
    const runs = [1, 2, 3].map((pages) => {
      const trace = { file: () => ({ intervalMs: 10, written: [[0, pages]] }) };
      const workloads = [{ pattern: 'trace' as const, trace }];
      return run({ ...SMALL, guest: { ...SMALL.guest, workloads } });
    });
    const rates = (await Promise.all(runs)).map(({ guest }) => guest.achievedRate![0]);
    // Two intervals of 10 ms, and the first page of the one with which the migration begins.
    expect(rates).toEqual([150, 250, 350]);
  });

  it('takes keys that are set, functions among them', async () => {
    const set = { 'migration.policy': once, 'guest.workloads[0].rate': 100, 'guest.vcpus': null };
    const { scenario, rounds } = await run(SMALL, { set });
    expect(scenario).toMatchObject({ guest: { vcpus: 2, workloads: [{ rate: 100 }] } });
    expect(rounds).toHaveLength(2);
  });

  it('is cancelled by its signal, and tells how far it is', async () => {
    const abort = new AbortController();
    const seen: RunProgress[] = [];
    const link = { bandwidth: '1Mbit/s' };
    const result = await run(
      { ...SMALL, link },
      {
        signal: abort.signal,
        onProgress(progress) {
          seen.push(progress);
          if (progress.phase === 'migrate' && progress.sentBytes > 0) abort.abort();
        },
      },
    );
    expect(result.outcome).toBe('cancelled');
    expect(seen.find(({ phase }) => phase === 'migrate')).toMatchObject({ isPostcopy: false });
    await expect(run(SMALL, { signal: abort.signal })).rejects.toThrow(/aborted/);
  });

  it('is made by threads too', async () => {
    const trace: TraceFactory = () => ({ intervalMs: 10, written: [[0, 4]] });
    const workloads = [{ pattern: 'trace' as const, trace: { file: trace } }];
    const guest = { ...SMALL.guest, workloads };
    const seen: RunProgress[] = [];
    const migration = { startAfter: '150ms', runAfter: '20ms' };
    const scenario = { ...SMALL, runtime: 'threads' as const, guest, migration };
    const result = await run(scenario, { onProgress: (progress) => seen.push(progress) });
    expect(result).toMatchObject({ runtime: 'threads', verify: { ok: true } });
    expect(seen[0]).toMatchObject({ phase: expect.any(String), elapsedMs: expect.any(Number) });
  });

  it('needs no run to be checked', async () => {
    const { link, migration } = await checkScenario({ guest: { memory: '4MiB' } });
    expect(link).toMatchObject({ bandwidth: '1Gbit/s', latency: '100us' });
    expect(migration.downtimeLimit).toBe('300ms');
  });
});

describe('what is wrong with a plain object', () => {
  const wrong: readonly [what: string, scenario: object, message: string][] = [
    [
      'a value',
      { ...SMALL, link: { bandwidth: 'fast' } },
      'scenario link.bandwidth: expected a rate such as 1Gbit/s or 100MB/s, or unlimited, got "fast"',
    ],
    [
      'a key',
      { ...SMALL, guest: { ...SMALL.guest, vcpu: 2 } },
      'scenario guest.vcpu: unknown key: did you mean vcpus?',
    ],
    ['nothing', {}, 'scenario guest: is missing: expected a map of keys'],
    [
      'no plain data',
      { ...SMALL, link: { bandwidth: Infinity } },
      'scenario link.bandwidth: expected plain data as JSON has it, got Infinity',
    ],
    [
      'a date',
      { ...SMALL, name: new Date(0) },
      'scenario name: expected plain data as JSON has it, got Date',
    ],
    [
      'a function where none belongs',
      { ...SMALL, link: { bandwidth: () => '1Gbit/s' } },
      'scenario link.bandwidth: expected plain data, got a function: name a module as { module, export }',
    ],
    [
      'a function that makes no policy',
      { ...SMALL, migration: { policy: function mine() {} } },
      'scenario migration.policy: mine makes no policy: an object with name, skipsRedirtied, initial and the function decide',
    ],
    [
      'a function for threads',
      { ...SMALL, runtime: 'threads', migration: { policy: once } },
      "scenario migration.policy: a function can't go to the threads of a run in real time: set runtime: 'virtual', or name a module as { module, export }",
    ],
  ];
  it.each(wrong)('%s: the key is named, and no line', async (_, scenario, message) => {
    expect(await refusal(run(scenario as ScenarioInput))).toBe(message);
  });

  it('an object that contains itself', async () => {
    const guest: Record<string, unknown> = {};
    guest['guest'] = guest;
    expect(await refusal(run({ guest } as unknown as ScenarioInput))).toMatch(/100 levels deep/);
  });

  it.each([
    ['link.bandwidth', 'fast', /^set link\.bandwidth: expected a rate/],
    ['link-bandwidth', '1MB/s', /^set: expected a key such as link\.bandwidth, got "link-band/],
    ['guest.contents[0].kind', once, /^set guest\.contents\[0\]\.kind: expected plain data/],
  ])('a key that is set: %s', async (key, value, message) => {
    expect(await refusal(run(SMALL, { set: { [key]: value } }))).toMatch(message);
  });

  it('names of what comes with the package', async () => {
    expect(await refusal(run('quik'))).toMatch(/^quik: is no preset \(did you mean quick\?\)/);
    expect(await refusal(paper('clark-mmunche'))).toMatch(/did you mean clark-mmuncher\?/);
    const one = {
      scenario: 'quick',
      evacuation: 'rack',
      host: 'shared-swap',
      protection: 'web',
      fleet: 'three-hotspots',
      sweep: 'link-and-rate',
      paper: 'clark-mmuncher',
    } as const;
    for (const [kind, name] of Object.entries(one) as [PresetKind, string][]) {
      expect(presets(kind).map((preset) => preset.name)).toContain(name);
    }
  });

  it('an evacuation', async () => {
    const act = evacuate({ hosts: [{ name: 'a' }, { name: 'b' }], guests: [] });
    expect(await refusal(act)).toBe('evacuation guests: expected at least one guest');
    expect(await refusal(evacuate('four', { parallel: 0 }))).toMatch(/^parallel: expected/);
  });

  it('a host, a protected guest and a data centre', async () => {
    const memory = '8MiB';
    expect(await refusal(host({ duration: '1s', host: { memory }, guests: [] }))).toBe(
      'host guests: expected at least one guest',
    );
    const image = { memory, contents: [{ kind: 'file', path: 'none.img' } as const] };
    expect(await refusal(protect({ guest: image }))).toMatch(/^protection guest\.contents\[0\]/);
    const guests = [{ name: 'vm', guest: { memory: '16MiB' } }];
    expect(await refusal(fleet({ duration: '1s', hosts: [{ name: 'pm', memory }], guests }))).toBe(
      'fleet guests[0]: no host has 16 MiB of memory left for vm: add hosts, or choose smaller guests',
    );
  });
});

describe('a sweep from a plain object', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'library-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const grid = { name: 'grid', scenario: SMALL, vary: { 'link.bandwidth': ['10MB/s', '50MB/s'] } };

  it('keeps its results in a store, and makes none again but those it is told to', async () => {
    const store = join(folder, 'a.sweep');
    const { rows, ...end } = await sweep(grid, { store, threads: 1 });
    expect(end).toMatchObject({ made: 2, reused: 0, missing: 0 });
    expect(rows.map((row) => row['link_bandwidthBytesPerSecond'])).toEqual([10e6, 50e6]);
    expect(await sweep(grid, { store })).toMatchObject({ rows, made: 0, reused: 2 });
    const kept = openStore(store);
    expect(kept.result(String(rows[0]!['id']))).toMatchObject({ outcome: 'completed' });
    expect(kept.result('00')).toBeUndefined();
    expect(await kept.query('SELECT count(*) AS n FROM runs')).toEqual([{ n: 2 }]);
    expect(() => openStore(folder)).toThrow(StoreError);
  });

  it.each([
    [
      { ...grid, vary: { 'link.bandwidth': ['fast'] } },
      {},
      /^sweep link\.bandwidth: expected a rate/,
    ],
    [{ ...grid, vary: { 'link.bandwith': ['1MB/s'] } }, {}, /^sweep link\.bandwith: unknown key/],
    [grid, { set: { 'guest.memory': 'big' } }, /^set guest\.memory: expected a size/],
    [{ ...grid, where: ['guest.vcpus > 1'] }, {}, /^sweep where: the conditions leave out every/],
  ])('says what is wrong before it makes a run: %#', async (input, options, message) => {
    expect(await refusal(sweep(input, options))).toMatch(message);
  });
});

describe('a comparison of what a program holds', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'library-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is the same whether a side is a result, a file, or a store', async () => {
    const [slow, fast] = [
      await run(SMALL),
      await run(SMALL, { set: { 'link.bandwidth': '100MB/s' } }),
    ];
    const file = join(folder, 'slow.json');
    writeFileSync(file, JSON.stringify(slow));
    const store = join(folder, 'a.sweep');
    await sweep({ name: 'grid', scenario: SMALL }, { store, threads: 1 });
    const held = await compare(slow, [fast]);
    expect(held.before.sources).toEqual(['before']);
    expect(held.after.sources).toEqual(['after[0]']);
    expect(held.verdict).toBe('better');
    expect(await compare(file, fast)).toMatchObject({ summary: held.summary });
    const kept = await compare(openStore(store), fast, { metrics: ['totalTimeMs'] });
    const total = held.summary.find(({ metric }) => metric === 'totalTimeMs');
    expect(kept.summary).toMatchObject([{ metric: 'totalTimeMs', change: total!.change }]);
  });

  it('says what is wrong with a side or an option', async () => {
    const result = await run(SMALL);
    const broken = { ...result, outcome: 3 } as unknown as typeof result;
    expect(await refusal(compare(result, [result, broken]))).toBe(
      'after[1] outcome: expected text, got 3',
    );
    expect(await refusal(compare([], result))).toMatch(/^before: expected at least one/);
    expect(await refusal(compare(result, result, { alpha: 1 }))).toMatch(/^alpha: expected/);
    expect(await refusal(compare(result, result, { ignore: ['guest.memry'] }))).toBe(
      'ignore[0]: no run has this key (did you mean guest.memory?)',
    );
    expect(await refusal(compare(result, result, { metrics: ['downtime'] }))).toMatch(
      /^metrics downtime: no run has this figure/,
    );
  });
});

describe('a question of what would become of a migration', () => {
  const question = { memory: '16MiB', vcpus: 1, link: '25MB/s', dirtyRate: '4MB/s' } as const;
  const options = { runs: 1, settings: ['precopy', 'stop-and-copy'], timeout: '2s', threads: 1 };

  it('is answered from plain facts, and from what tools print', async () => {
    const seen: WhatIfProgress[] = [];
    const result = await whatIf(question, { ...options, onProgress: (at) => seen.push(at) });
    expect(result.schema).toBe('pageferry/what-if@1');
    expect(result.settings.map(({ id, runs }) => [id, runs])).toEqual([
      ['precopy', 1],
      ['stop-and-copy', 1],
    ]);
    expect(seen).toEqual([
      { done: 1, all: 2 },
      { done: 2, all: 2 },
    ]);
    const pasted = JSON.stringify({
      return: { status: 'measured', 'dirty-rate': 4, 'calc-time': 1, mode: 'page-sampling' },
    });
    const { dirtyRate: _, ...facts } = question;
    const { sources } = await whatIf(
      { ...facts, pasted: [pasted] },
      { ...options, settings: ['stop-and-copy'] },
    );
    expect(sources[0]).toMatchObject({ name: 'pasted[0]', tool: 'query-dirty-rate' });
  });

  it('ends with the reason of its signal', async () => {
    const abort = new AbortController();
    const reason = new Error('enough');
    const act = whatIf(question, {
      ...options,
      runs: 40,
      signal: abort.signal,
      onProgress: () => abort.abort(reason),
    });
    await expect(act).rejects.toBe(reason);
    await expect(whatIf(question, { signal: abort.signal })).rejects.toBe(reason);
  });

  it.each([
    [{ ...question, link: 'fast' }, {}, /^question link: expected a rate/],
    [{ ...question, dirtyRate: undefined }, {}, /^question dirtyRate: is missing/],
    [{ ...question, dirtyRate: '1MB/s@x' }, {}, /^question dirtyRate: expected a duration/],
    [{ ...question, maxDowntime: '0s' }, {}, /^question maxDowntime: expected more than 0/],
    [{ ...question, memmory: '1GiB' }, {}, /^question memmory: unknown key: did you mean memory/],
    ['nothing of use', {}, /^question pasted: /],
    [question, { runs: 0 }, /^runs: expected a whole number from 1/],
    [question, { timeout: '2' }, /^timeout: expected a duration/],
    [question, { settings: ['pre'] }, /^settings: there is no setting "pre", but precopy/],
    [question, { set: { 'guest.memry': 1 } }, /^set guest\.memry: unknown key/],
  ])('says what is wrong before it makes a run: %#', async (input, more, message) => {
    expect(await refusal(whatIf(input, more))).toMatch(message);
  });
});
