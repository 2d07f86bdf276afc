import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  evacuationPresets,
  type LoadedEvacuation,
  loadEvacuation,
} from '../../src/fleet/evacuation/load.ts';
import { withParallel } from '../../src/fleet/evacuation/limits.ts';
import { InputError } from '../../src/scenario/input-error.ts';

const MIB = 1024 * 1024;

let folder = '';
let file = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evacuation-'));
  file = join(folder, 'scenario.yaml');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function load(yaml: string, sets: readonly string[] = []): LoadedEvacuation {
  writeFileSync(file, yaml);
  return loadEvacuation(file, sets);
}

function complaints(yaml: string, sets: readonly string[] = []): string[] {
  try {
    load(yaml, sets);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.message.split('\n').map((line) => line.replace(`${file}:`, ''));
  }
  return [];
}

const HOSTS = 'hosts: [{ name: old }, { name: new }]\n';
/** One guest of 16 MiB; further lines stand from line 3 on. */
const withMore = (more = ''): string =>
  `${HOSTS}guests: [{ name: web, guest: { memory: 16MiB } }]\n${more}\n`;
/** One guest; its keys stand on line 3. */
const withGuest = (keys: string): string => `${HOSTS}guests:\n  - { name: web, ${keys} }\n`;

describe('an evacuation', () => {
  it('has channels on a virtual clock only', () => {
    const channels = 'runtime: threads\nmigration: { channels: 2 }';
    expect(complaints(withMore(channels))).toEqual([
      '4:24 migration.channels: several channels are not built yet where guests share links in threads: leave them out, or set runtime: virtual',
    ]);
    const { config } = load(withMore('migration: { channels: 2 }'));
    expect(config.guests[0]!.config.migration.channels).toBe(2);
  });

  it('needs hosts and guests, and has defaults for all else', () => {
    const { file: written, config, scenarios } = load(withMore());
    expect(config).toMatchObject({
      seed: 1,
      runtime: 'virtual',
      source: 'old',
      hosts: [
        { name: 'old', cpus: Infinity, nicBytesPerSecond: Infinity },
        { name: 'new', cpus: Infinity, nicBytesPerSecond: Infinity },
      ],
      core: { bytesPerSecond: 125e6, latencyNs: 100e3 },
      limits: { outgoing: 2, incoming: Infinity, cluster: 5, inBatches: false },
      order: 'given',
    });
    expect(config.guests).toHaveLength(1);
    expect(config.guests[0]).toMatchObject({ name: 'web', onDiverged: 'leave', hasBytes: true });
    expect(written).toMatchObject({ sample: 1, parallel: { preset: 'kubevirt' } });
    expect(scenarios[0]).toMatchObject({ name: 'web', link: { bandwidth: '1Gbit/s' } });
  });

  it('numbers the guests of a count and gives each a seed of its own', () => {
    const { config, scenarios } = load(withGuest('count: 3, guest: { memory: 16MiB }'));
    expect(config.guests.map(({ name }) => name)).toEqual(['web-1', 'web-2', 'web-3']);
    expect(new Set(config.guests.map((guest) => guest.config.seed)).size).toBe(3);
    expect(scenarios.map(({ seed }) => seed)).toEqual(config.guests.map((one) => one.config.seed));
    const other = load(withGuest('count: 3, guest: { memory: 16MiB }'), ['seed=2']);
    expect(other.config.guests[0]!.config.seed).not.toBe(config.guests[0]!.config.seed);
  });

  it('gives guests the migration of the file, but for what they say themselves', () => {
    const { config } = load(
      `${HOSTS}migration: { policy: rounds, rounds: 7, downtimeLimit: 50ms }\n` +
        'guests:\n  - { name: a, guest: { memory: 16MiB } }\n' +
        '  - { name: b, guest: { memory: 16MiB }, migration: { rounds: 3 } }\n',
    );
    const [a, b] = config.guests.map((guest) => guest.config.migration);
    expect(a).toMatchObject({ policy: 'rounds', rounds: 7, downtimeLimitNs: 50e6 });
    expect(b).toMatchObject({ policy: 'rounds', rounds: 3, downtimeLimitNs: 50e6 });
  });

  it('lets all guests live for as long as the one that is to live longest', () => {
    const { config, scenarios } = load(
      `${HOSTS}migration: { startAfter: 2s }\n` +
        'guests:\n  - { name: a, guest: { memory: 16MiB } }\n' +
        '  - { name: b, guest: { memory: 16MiB }, migration: { startAfter: 3s } }\n',
    );
    expect(config.guests.map((guest) => guest.config.migration.startAfterNs)).toEqual([3e9, 3e9]);
    expect(scenarios.map(({ migration }) => migration.startAfter)).toEqual(['3s', '3s']);
  });

  it('takes the least capacity on the way to the target for the link', () => {
    const yaml =
      'hosts: [{ name: old, nic: 20Gbit/s }, { name: slow, nic: 1Gbit/s }, { name: new, nic: 5Gbit/s }]\n' +
      'core: { bandwidth: 10Gbit/s }\n' +
      'guests:\n  - { name: a, guest: { memory: 16MiB }, target: slow }\n' +
      '  - { name: b, guest: { memory: 16MiB } }\n';
    const rates = load(yaml).config.guests.map((guest) => guest.config.link.bytesPerSecond * 8);
    expect(rates).toEqual([1e9, 5e9]);
  });

  it('gives real bytes to the smallest, and to those that ask for them', () => {
    const yaml =
      `${HOSTS}sample: 2\nguests:\n  - { name: big, guest: { memory: 64MiB } }\n` +
      '  - { name: small, count: 3, guest: { memory: 8MiB } }\n' +
      '  - { name: own, guest: { memory: 16MiB, backing: bytes } }\n' +
      '  - { name: tiny, guest: { memory: 4MiB, backing: versions } }\n';
    const { config } = load(yaml);
    const names = config.guests.flatMap(({ name, hasBytes }) => (hasBytes ? [name] : []));
    expect(names).toEqual(['small-1', 'small-2', 'own']);
    expect(config.guests.map((guest) => guest.config.guest.backing)).toEqual(
      config.guests.map(({ hasBytes }) => (hasBytes ? 'bytes' : 'versions')),
    );
  });

  it('gives real bytes to everybody in real time', () => {
    const { config } = load(withGuest('count: 3, guest: { memory: 16MiB }'), ['runtime=threads']);
    expect(config.guests.every(({ hasBytes }) => hasBytes)).toBe(true);
  });

  it('has limits of its own, or those of a manager but for its own', () => {
    const limits = (more: string) => load(withMore(`parallel: ${more}`)).config.limits;
    const Unlimited = Infinity;
    expect(limits('{ outgoing: 3 }')).toEqual({
      outgoing: 3,
      incoming: Unlimited,
      cluster: Unlimited,
      inBatches: false,
    });
    expect(limits('{ preset: xapi, outgoing: 4 }')).toMatchObject({ outgoing: 4, inBatches: true });
    expect(limits('{ preset: kubevirt, cluster: unlimited }')).toMatchObject({
      outgoing: 2,
      cluster: Unlimited,
    });
  });

  it('has other limits for so many at a time', () => {
    const { limits } = load(withMore('parallel: { preset: hyper-v }')).config;
    expect(withParallel(limits, 7)).toEqual({ ...limits, outgoing: 7, cluster: 7 });
  });

  it('lets --set change any key', () => {
    const sets = ['guests[0].guest.memory=32MiB', 'parallel.outgoing=1', 'hosts[1].cpus=8'];
    const { config } = load(withMore(), sets);
    expect(config.guests[0]!.config.guest.memoryBytes).toBe(32 * MIB);
    expect(config.limits.outgoing).toBe(1);
    expect(config.hosts[1]!.cpus).toBe(8);
  });
});

describe('a wrong evacuation', () => {
  /** Where the mark § stands, as messages have it. */
  function placeOf(yaml: string): string {
    const before = yaml.split('§')[0]!.split('\n');
    return `${before.length}:${before.at(-1)!.length + 1}`;
  }

  it.each([
    [
      'no hosts',
      'guests: [{ name: web, guest: { memory: 16MiB } }]',
      'hosts: is missing: expected a list of hosts',
    ],
    ['no guests', `${HOSTS}guests: §[]`, 'guests: expected at least one guest'],
    [
      'no host to go to',
      'hosts: §[{ name: old }]\nguests: [{ name: web, guest: { memory: 16MiB } }]',
      'hosts: expected the host to empty and at least one to go to',
    ],
    ['an unknown key', withMore('§evacute: old'), 'evacute: unknown key: did you mean evacuate?'],
    [
      'an unknown key of a host',
      withMore().replace('{ name: new }', '{ name: new, §nick: 1Gbit/s }'),
      'hosts[1].nick: unknown key: did you mean nic?',
    ],
    [
      'an unknown key of a guest',
      withGuest('guest: { memory: 16MiB }, §dedline: 3s'),
      'guests[0].dedline: unknown key: did you mean deadline?',
    ],
    [
      'an unknown key of a guest within',
      withGuest('guest: { memory: 16MiB, §vcpu: 3 }'),
      'guests[0].guest.vcpu: unknown key: did you mean vcpus?',
    ],
    [
      'an unknown key of all migrations',
      withMore('migration: { §polcy: qemu }'),
      'migration.polcy: unknown key: did you mean policy?',
    ],
    [
      'an unknown key of one migration',
      withGuest('guest: { memory: 16MiB }, migration: { §polcy: qemu }'),
      'guests[0].migration.polcy: unknown key: did you mean policy?',
    ],
    [
      'a wrong size',
      withGuest('guest: { memory: §fast }'),
      'guests[0].guest.memory: expected a size such as 64MiB, got "fast"',
    ],
    [
      'a guest without memory',
      withGuest('guest: §{ vcpus: 1 }'),
      'guests[0].guest.memory: is missing: expected a size above 0 such as 64MiB',
    ],
    ['a guest that is none', withGuest('guest: §5'), 'guests[0].guest: expected a map of keys'],
    [
      'a region that is no multiple of a page',
      withGuest(
        'guest: { memory: 16MiB, pageSize: 2MiB, workloads: [{ pattern: uniform, rate: 1, region: { size: §3MiB } }] }',
      ),
      'guests[0].guest.workloads[0].region.size: is no multiple of the page size, 2 MiB: take 2MiB or 4MiB',
    ],
    [
      'a log that pre-copy can not do without',
      withGuest('guest: { memory: 16MiB, dirtyLog: §none }'),
      'guests[0].guest.dirtyLog: pre-copy needs a dirty log: choose bitmap, bytemap, atomic or ring, or algorithm stop-and-copy or postcopy',
    ],
    [
      'a trace that is not there',
      withGuest(
        'guest: { memory: 16MiB, workloads: [{ pattern: trace, trace: { file: §none } }] }',
      ),
      'guests[0].guest.workloads[0].trace.file: FOLDER/none is not there',
    ],
    [
      'a migration whose own keys do not go together',
      withGuest('guest: { memory: 16MiB }, migration: { bubbling: §{ pivots: 2 } }'),
      'guests[0].migration.bubbling: has an effect only with pageOrder bubbling, the migration has follow: leave it out',
    ],
    ...(['stop-and-copy', 'postcopy'] as const).map((algorithm) => [
      `what is to become of a guest that can not fail to converge, ${algorithm}`,
      withGuest(
        `guest: { memory: 16MiB }, migration: { algorithm: ${algorithm} }, onDiverged: §stop-and-copy`,
      ),
      `guests[0].onDiverged: has an effect only with live rounds, which may go on for ever, and the migration is ${algorithm}: leave it out`,
    ]),
    [
      'a wrong link',
      withMore('core: { bandwidth: §fast }'),
      'core.bandwidth: expected a rate such as 1Gbit/s or 100MB/s, or unlimited, got "fast"',
    ],
    [
      'a link with more under way than fits',
      withMore('core: { bandwidth: §100Gbit/s, latency: 1s }'),
      'core.bandwidth: "100Gbit/s" is more than the 8.58 Gbit/s that runtime virtual emulates with a latency of "1s", as at most 1 GiB may be under way: lower it or the latency',
    ],
    [
      'a host that is not there',
      withMore('evacuate: §odl'),
      'evacuate: there is no host odl: did you mean old?',
    ],
    [
      'a target that is not there',
      withGuest('guest: { memory: 16MiB }, target: §elsewhere'),
      'guests[0].target: there is no host elsewhere: there is new',
    ],
    [
      'a target that is emptied itself',
      withGuest('guest: { memory: 16MiB }, target: §old'),
      'guests[0].target: old is the host that is emptied: name another',
    ],
    [
      'two hosts of one name',
      withMore().replace('name: new', 'name: §old'),
      'hosts[1].name: two hosts are called old',
    ],
    [
      'two guests of one name',
      `${withGuest('count: 2, guest: { memory: 16MiB }')}  - { name: §web-2, guest: { memory: 16MiB } }`,
      'guests[1].name: two guests are called web-2',
    ],
    [
      'a limit that nobody passes',
      withMore('parallel: { outgoing: §0 }'),
      'parallel.outgoing: expected a whole number from 1 to 100000, or unlimited, got 0',
    ],
    [
      'a manager that is not known',
      withMore('parallel: { preset: §vmware }'),
      'parallel.preset: expected kubevirt or nova or proxmox or xapi or hyper-v, got "vmware"',
    ],
    [
      'batches without a size',
      withMore('parallel: { inBatches: §true }'),
      'parallel.inBatches: a batch needs a size: give outgoing, incoming or cluster',
    ],
    [
      'deadlines that nobody has',
      withMore('order: §deadline'),
      'order: no guest has a deadline: give one, or choose another order',
    ],
    ['a large sample', withMore('sample: §2'), 'sample: there is 1 guest: a sample is no larger'],
    [
      'too many guests for real time',
      withMore('runtime: threads').replace('[{ name: web,', '§[{ name: web, count: 5,'),
      'guests: 5 guests are too many for the runtime threads, which has room for 4: leave some out, or set runtime: virtual',
    ],
    [
      'references of guests that the sample leaves out',
      withMore('migration: { encodings: [§reference] }').replace('web,', 'web, count: 2,'),
      'migration.encodings[0]: reference needs a guest with real bytes, as it compares the bytes of pages: ' +
        'leave it out, or set guest.backing: bytes, or a larger sample',
    ],
    [
      'references between guests in real time',
      withMore('migration: { encodings: [§reference] }\nruntime: threads'),
      'migration.encodings[0]: reference is not built yet for evacuations in runtime threads: leave it out, or set runtime: virtual',
    ],
    [
      'versions in real time',
      withMore('runtime: threads').replace('16MiB', '16MiB, backing: §versions'),
      'guests[0].guest.backing: versions stand for pages in the virtual runtime alone: set runtime: virtual',
    ],
  ] as [string, string, string][])('%s', (_, yaml, expected) => {
    const lines = complaints(yaml.replace('§', '')).map((line) =>
      line.replaceAll(folder, 'FOLDER'),
    );
    const place = yaml.includes('§') ? placeOf(yaml) : '1:1';
    expect(lines).toEqual([`${place} ${expected}`]);
  });

  it('names a --set that is wrong', () => {
    expect(complaints(withMore(), ['guests[0].guest.memory=x'])).toEqual([
      `--set guests[0].guest.memory: expected a size such as 64MiB, got "x"`,
    ]);
    expect(complaints(withMore(), ['migration.policy=x'])[0]).toMatch(
      /^--set migration.policy: expected rounds or qemu/,
    );
  });

  it('tells once what is wrong with a key that guests share', () => {
    const yaml = withMore('migration: { policy: x }').replace(
      'guests: [',
      'guests: [{ name: other, guest: { memory: 1MiB } }, ',
    );
    expect(complaints(yaml)).toHaveLength(1);
  });

  it('tells of all guests what is wrong', () => {
    const yaml = `${HOSTS}guests:\n  - { name: a, guest: {} }\n  - { name: b, guest: { memory: x } }\n`;
    expect(complaints(yaml).map((line) => line.replace(/^\S+ (\S+): .*/, '$1'))).toEqual([
      'guests[0].guest.memory',
      'guests[1].guest.memory',
    ]);
  });

  it('refuses guests with more bytes than this machine has', () => {
    const lines = complaints(withMore().replace('16MiB', '4TiB, backing: bytes'));
    expect(lines[0]).toMatch(/ guests\[0\]\.guest\.memory: source and destination of 4 TiB/);
  });

  it('proposes a preset', () => {
    expect(() => loadEvacuation('rac')).toThrow('did you mean rack?');
  });
});

describe('the evacuations that come along', () => {
  it('are these', () => {
    expect(evacuationPresets().map(({ name }) => name)).toEqual(['forty', 'four', 'gang', 'rack']);
    for (const { summary } of evacuationPresets()) expect(summary.length).toBeGreaterThan(20);
  });

  it.each([
    ['rack', 12, 3, 'virtual'],
    ['forty', 40, 0, 'virtual'],
    ['four', 4, 4, 'threads'],
  ] as const)('%s has %d guests, %d of them with bytes', (name, guests, bytes, runtime) => {
    const { config } = loadEvacuation(name);
    expect(config.guests).toHaveLength(guests);
    expect(config.guests.filter(({ hasBytes }) => hasBytes)).toHaveLength(bytes);
    expect(config.runtime).toBe(runtime);
  });
});
