import { describe, expect, it } from 'vitest';
import type { Scenario } from '../../src/scenario/schema.ts';
import {
  scenarioFolder,
  PATTERNS,
  RATE,
  SEED,
  withGuest,
  withMore,
  withWorkload,
} from '../support/scenarios.ts';

const { load, complaints } = scenarioFolder();

describe('--set', () => {
  const scenario = withWorkload('{ pattern: uniform, rate: 3 }');
  const set = (...sets: string[]): Scenario => load(scenario, sets).scenario;

  it('takes nothing out of a map that is not there', () => {
    const bare = 'guest: { memory: 8MiB }';
    expect(load(bare, ['migration.policy=null']).scenario).toEqual(load(bare).scenario);
  });

  it('replaces a value', () => {
    expect(set('guest.memory=128MiB').guest.memory).toBe('128MiB');
    expect(set('guest.workloads[0].rate=7').guest.workloads[0]).toMatchObject({ rate: 7 });
  });

  it('adds keys and the maps that they are in', () => {
    expect(set('link.bandwidth=10Gbit/s').link.bandwidth).toBe('10Gbit/s');
    expect(set('guest.workloads[0].region.size=1MiB').guest.workloads[0]!.region).toEqual({
      start: 0,
      size: '1MiB',
    });
  });

  it('appends to a list', () => {
    const added = set('guest.workloads[1]={ pattern: zipf, rate: 2 }');
    expect(added.guest.workloads).toHaveLength(2);
  });

  it('goes on from what an earlier one has set', () => {
    expect(
      set('link={ latency: 1ms }', 'link.bandwidth=2Gbit/s', 'link.latency=2ms').link,
    ).toMatchObject({ bandwidth: '2Gbit/s', latency: '2ms' });
  });

  it('reads values as YAML, up to the first equals sign', () => {
    expect(set('name="a = b"').name).toBe('a = b');
    expect(set('migration.strictRate=true').migration.strictRate).toBe(true);
    expect(set('migration.encodings=[]').migration.encodings).toEqual([]);
  });

  it('fills an empty scenario and an empty key', () => {
    expect(load('', ['guest.memory=16MiB']).scenario.guest.memory).toBe('16MiB');
    expect(load('~\n', ['guest.memory=16MiB']).scenario.guest.memory).toBe('16MiB');
    expect(load(withMore('link:'), ['link.latency=1ms']).scenario.link.latency).toBe('1ms');
  });

  it('changes one place of a value that aliases repeat', () => {
    const { guest } = load(
      withGuest(
        'workloads:\n    - &one { pattern: uniform, rate: 3, region: { size: 4KiB } }\n    - *one',
      ),
      ['guest.workloads[1].region.size=8KiB'],
    ).scenario;
    expect(guest.workloads.map(({ region }) => region?.size)).toEqual(['4KiB', '8KiB']);
  });
});

const shape = (argument: string): string =>
  `--set: expected key=value such as link.bandwidth=1Gbit/s, got "${argument}"`;

describe('wrong --set arguments', () => {
  const scenario = withWorkload('{ pattern: uniform, rate: 3 }');
  it.each([
    ['guest.memory', shape('guest.memory')],
    ['=3', shape('=3')],
    ['link..bandwidth=3', shape('link..bandwidth=3')],
    ['guest.workloads[x].rate=3', shape('guest.workloads[x].rate=3')],
    ['[0]=3', shape('[0]=3')],
    ['link.bandwidth=[', '--set link.bandwidth: [ is not a YAML value'],
    ['link.bandwidth=*it', '--set link.bandwidth: *it is not a YAML value'],
    ['name=a: b', '--set name: expected text, got {"a":"b"}'],
    ['seed=', `--set seed: ${SEED}, got null`],
    ['link.bandwidth=10Gbit', `--set link.bandwidth: ${RATE}, got "10Gbit"`],
    ['link={bandwidth: 3}', `--set link.bandwidth: ${RATE}, got 3`],
    ['link.bandwith=1Gbit/s', '--set link.bandwith: unknown key: did you mean bandwidth?'],
    [
      'migration.encodings=[lzo]',
      '--set migration.encodings[0]: expected zero or reference or xbzrle or zlib or lz4 or zstd or mecom, got "lzo"',
    ],
    [
      'guest.workloads[7].rate=3',
      '--set guest.workloads[7].rate: the scenario has no guest.workloads[7] to set a key of',
    ],
    [
      'guest.contents[0].kind=zero',
      '--set guest.contents[0].kind: the scenario has no guest.contents[0] to set a key of',
    ],
    ['link[0]=3', '--set link[0]: the scenario has no link[0] to set a key of'],
    ['guest.memory.size=3', '--set guest.memory.size: guest.memory is not a map'],
    ['guest.workloads.rate=3', '--set guest.workloads.rate: guest.workloads is not a map'],
    ['guest.workloads[1].rate=5', `--set guest.workloads[1].pattern: is missing: ${PATTERNS}`],
    ['link.bandwidth.max=1', `--set link.bandwidth: ${RATE}, got {"max":1}`],
    [
      'guest.workloads[0].region.size=3KiB',
      '--set guest.workloads[0].region.size: is no multiple of the page size, 4 KiB: take 4KiB',
    ],
    [
      'guest.dirtyLog=none',
      '--set guest.dirtyLog: pre-copy needs a dirty log: choose bitmap, bytemap, atomic or ring, ' +
        'or algorithm stop-and-copy or postcopy',
    ],
  ])('%s', (argument, complaint) => {
    expect(complaints(scenario, [argument])).toEqual([complaint]);
  });

  it('for a scenario that is a list', () => {
    expect(complaints('- guest\n', ['guest.memory=64MiB'])).toEqual([
      '--set guest.memory: the scenario is not a map',
    ]);
  });

  it('leave other problems where they are', () => {
    expect(complaints(withMore('sede: 1'), ['seed=-1'])).toEqual([
      `--set seed: ${SEED}, got -1`,
      '2:1 sede: unknown key: did you mean seed?',
    ]);
  });
});
