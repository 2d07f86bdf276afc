import { describe, expect, it } from 'vitest';
import { PROTECT_DESCRIPTIONS, protectJsonSchema } from '../../../src/fleet/protect/json-schema.ts';
import {
  loadProtectDocument,
  loadProtection,
  protectPresets,
} from '../../../src/fleet/protect/load.ts';
import { ScenarioDocument } from '../../../src/scenario/document.ts';
import { openDocument } from '../../../src/scenario/load.ts';
import { InputError } from '../../../src/scenario/input-error.ts';

const FILE = `duration: 2s
guest: { memory: 4MiB, vcpus: 1, workloads: [{ pattern: uniform, rate: 10 }] }
replication: { interval: 50ms }
outputs: [{ every: 5 }]
disk: { size: 64KiB, writes: [{ every: 3 }] }
`;

const load = (text: string) => loadProtectDocument(new ScenarioDocument('p.yaml', text), '.');

function problemsOf(text: string): string[] {
  try {
    load(text);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.message.split('\n');
  }
  return [];
}

describe('the file of a protected guest', () => {
  it('gives a result that stands for it, with its keys in the same order', () => {
    const first = load(FILE);
    const result = JSON.stringify({ schema: 'pageferry/protect@1', scenario: first.file });
    const again = loadProtectDocument(openDocument('r.json', result, []), '.');
    expect(JSON.stringify(again.file)).toBe(JSON.stringify(first.file));
    expect(again.config).toEqual(first.config);
  });

  it("has the defaults of Xen's Remus", () => {
    const { config } = load(FILE.replace('{ interval: 50ms }', '{}'));
    expect(config.replication).toMatchObject({
      intervalNs: 200e6,
      capture: 'staging',
      compression: 'xen',
      cachePages: 8192,
      netBuffer: true,
      diskBuffer: true,
      heartbeatNs: 200e6,
      silenceNs: 1e9,
    });
    expect(config.replication.fence).toBeUndefined();
    expect(config).toMatchObject({ spares: 0, troubles: [], isProved: true, durationNs: 2e9 });
    expect(config.emissions.packets).toEqual([{ workload: 0, every: 5, bytes: 1500 }]);
    expect(config.emissions.disk!.shape).toMatchObject({ blocks: 16, blockBytes: 4096 });
  });

  it('has the defaults of COLO, which a result that stands for it has too', () => {
    const first = load(FILE.replace('interval: 50ms', 'mode: colo'));
    expect(first.config.replication).toMatchObject({
      intervalNs: 20e9,
      compression: 'raw',
      colo: { silenceNs: 200e6, divergence: 0, secondaryShare: 1, seed: first.config.run.seed },
    });
    const result = JSON.stringify({ schema: 'pageferry/protect@1', scenario: first.file });
    const again = loadProtectDocument(openDocument('r.json', result, []), '.');
    expect(JSON.stringify(again.file)).toBe(JSON.stringify(first.file));
    expect(again.config).toEqual(first.config);
  });

  it('takes a time for the death of the primary, or a list of what fails, in the order of time', () => {
    const withKill = (killAt: string) =>
      load(FILE.replace('interval: 50ms', `killAt: ${killAt}`)).config.troubles;
    expect(withKill('1s')).toEqual([{ atNs: 1e9, what: 'primary' }]);
    expect(withKill('[{ at: 900ms, what: link }, { at: 300ms }]')).toEqual([
      { atNs: 300e6, what: 'primary' },
      { atNs: 900e6, what: 'link' },
    ]);
  });

  it('lets costs of a page grow with the page size', () => {
    const { config } = load(FILE.replace('memory: 4MiB', 'memory: 4MiB, pageSize: 64KiB'));
    expect(config.replication.costs).toMatchObject({ stagingNs: 6400, checkpointNs: 100_000 });
  });

  it('charges the costs of the optimisations that are off, and no others', () => {
    const costsOf = (keys: string) =>
      load(FILE.replace('interval: 50ms', keys)).config.replication.costs;
    expect(costsOf('spares: 0')).toMatchObject({ suspendNs: 0, filterNs: 0, mapNs: 0 });
    const off = 'optimisations: { eventChannel: false, filterClean: false, mapOnce: false }';
    expect(costsOf(off)).toMatchObject({ suspendNs: 35e6, filterNs: 50, mapNs: 400 });
    const own = `${off}, costs: { xenstore: 500ms, filter: 1us, map: 2us }`;
    expect(costsOf(own)).toMatchObject({ suspendNs: 500e6, filterNs: 1000, mapNs: 2000 });
  });

  it('slows the vCPUs to a fifth at a high-water mark, unless it says otherwise', () => {
    const deadlineOf = (keys: string) =>
      load(FILE.replace('interval: 50ms', `deadline: ${keys}`)).config.replication.deadline;
    expect(deadlineOf('false')).toBeUndefined();
    const slow = { dirtyPages: 5, action: 'slow' };
    expect(deadlineOf('{ dirtyPages: 5, action: slow }')).toEqual({ ...slow, throttle: 0.8 });
    expect(deadlineOf('{ dirtyPages: 5 }')).toMatchObject({ dirtyPages: 5, action: 'pause' });
  });

  it('loads each preset', () => {
    const names = protectPresets().map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['kernel-build', 'web']));
    for (const { name, summary } of protectPresets()) {
      expect(summary.length, name).toBeGreaterThan(20);
      expect(loadProtection(name).config.durationNs, name).toBeGreaterThan(0);
    }
  });

  it('has a JSON schema that describes each of its own keys', () => {
    const schema = JSON.stringify(protectJsonSchema());
    for (const text of Object.values(PROTECT_DESCRIPTIONS)) {
      expect(schema).toContain(JSON.stringify(text).slice(1, -1));
    }
  });

  const change = (from: string, to: string): string => FILE.replace(from, to);
  const replication = (keys: string): string => change('interval: 50ms', keys);

  it.each<[string, string, string]>([
    [
      'a mode that is none',
      replication('mode: col'),
      'p.yaml:3:22 replication.mode: expected remus or colo, got "col"',
    ],
    [
      "COLO's keys with Remus",
      replication('colo: {}'),
      'p.yaml:3:22 replication.colo: only with mode colo does a second guest run: leave it out, or set the mode',
    ],
    [
      'COLO as fast as the link allows',
      replication('mode: colo, interval: fastest'),
      'p.yaml:3:38 replication.interval: COLO makes few checkpoints: expected a duration such as 20s, got fastest',
    ],
    [
      'a period of COLO that is too long',
      replication('mode: colo, interval: 20min'),
      'p.yaml:3:38 replication.interval: expected a duration from 1ms to 10min, got 20min',
    ],
    [
      'differences from copies that COLO has changed',
      replication('mode: colo, compression: xen'),
      "p.yaml:3:41 replication.compression: COLO's second guest changes the pages that it was sent, so there is no old copy: expected raw or gzip, got xen",
    ],
    [
      'copy-on-write with COLO',
      replication('mode: colo, buffer: copy-on-write'),
      'p.yaml:3:36 replication.buffer: both guests of COLO stand still while pages are sent: leave it out',
    ],
    [
      'no buffer of the network with COLO',
      replication('mode: colo, netBuffer: false'),
      'p.yaml:3:39 replication.netBuffer: COLO holds what it compares: leave it out',
    ],
    [
      'a high-water mark with COLO',
      replication('mode: colo, deadline: { dirtyPages: 9 }'),
      'p.yaml:3:38 replication.deadline: COLO makes a checkpoint when the guests differ: leave it out',
    ],
    [
      'optimisations that are off with COLO',
      replication('mode: colo, optimisations: { mapOnce: false }'),
      'p.yaml:3:43 replication.optimisations: they are those of checkpoints of Remus: leave them out',
    ],
    [
      'no buffer of the disk with COLO',
      replication('mode: colo, diskBuffer: false'),
      'p.yaml:3:40 replication.diskBuffer: COLO goes back to the disk of the first guest: leave it out',
    ],
    [
      'a secondary that stands still',
      replication('mode: colo, colo: { secondarySpeed: 0 }'),
      'p.yaml:3:52 replication.colo.secondarySpeed: expected a share from 0.1 to 1, got 0',
    ],
    [
      'a deadline without a mark',
      replication('deadline: true'),
      'p.yaml:3:26 replication.deadline: expected false, or a map with dirtyPages, the most pages that an epoch should have',
    ],
    [
      'a mark that the guest can never pass',
      replication('deadline: { dirtyPages: 1025 }'),
      'p.yaml:3:40 replication.deadline.dirtyPages: expected at most the 1024 pages of the guest, got 1025',
    ],
    [
      'a throttle of a guest that is stopped',
      replication('deadline: { dirtyPages: 5, throttle: 0.5 }'),
      'p.yaml:3:53 replication.deadline.throttle: has an effect only with action: slow: leave it out, or set that',
    ],
    [
      'a throttle that stops the vCPUs',
      replication('deadline: { dirtyPages: 5, action: slow, throttle: 1 }'),
      'p.yaml:3:67 replication.deadline.throttle: expected a share from 0.01 to 0.99, got 1',
    ],
    [
      'a fence in threads',
      `runtime: threads\n${replication('fence: true')}`,
      'p.yaml:4:23 replication.fence: threads have no third party that could keep a lease: set it to false, or set runtime: virtual',
    ],
    [
      'the failure of a fence in threads',
      `runtime: threads\n${replication('killAt: [{ at: 1s, what: backup-fence }]')}`,
      'p.yaml:4:41 replication.killAt[0].what: threads have no fence, so backup-fence cannot fail: leave it out, or set runtime: virtual',
    ],
    [
      'many spares in threads',
      `runtime: threads\n${replication('spares: 9')}`,
      'p.yaml:4:24 replication.spares: each host has threads of its own, so at most 8 may be spare, got 9: lower it, or set runtime: virtual',
    ],
    [
      'an optimisation that is neither on nor off',
      replication('optimisations: { mapOnce: maybe }'),
      'p.yaml:3:42 replication.optimisations.mapOnce: expected true or false, got "maybe"',
    ],
    [
      'an interval that is too short',
      replication('interval: 10us'),
      'p.yaml:3:26 replication.interval: expected a duration from 1ms to 10s, or fastest, got 10us',
    ],
    [
      'a timeout within the interval',
      replication('heartbeat: { interval: 2s }'),
      'p.yaml:3:27 replication.heartbeat.timeout: expected more than the interval of 2s, got 1s',
    ],
    [
      'a death after the end',
      replication('killAt: 3s'),
      'p.yaml:3:24 replication.killAt: the guest lives for 2s, so nothing can fail at 3s',
    ],
    [
      'a workload that is not there',
      change('every: 5', 'every: 5, workload: 2'),
      'p.yaml:4:33 outputs[0].workload: the guest has 1 workloads, counted from 0, so there is no 2',
    ],
    [
      'two outputs of a workload',
      change('[{ every: 5 }]', '[{ every: 5 }, { every: 7 }]'),
      'p.yaml:4:25 outputs[1].workload: outputs[0] is of workload 0 already: leave one of them out',
    ],
    [
      'a disk of broken blocks',
      change('64KiB', '63KiB'),
      'p.yaml:5:15 disk.size: expected whole blocks of 4KiB, at most 1GiB, got 63KiB',
    ],
    [
      'blocks that are too large',
      change('size: 64KiB', 'size: 1MiB, blockSize: 1MiB'),
      'p.yaml:5:32 disk.blockSize: expected a multiple of 512 bytes, at most 128KiB, got 1MiB',
    ],
    [
      'a disk with fewer blocks than streams',
      change('size: 64KiB', 'size: 4KiB').replace('vcpus: 1', 'vcpus: 2'),
      'p.yaml:5:15 disk.size: each stream that writes has blocks of its own, so it needs at least 2 blocks',
    ],
    [
      'a first epoch that is no pre-copy',
      `${FILE}migration: { algorithm: postcopy }\n`,
      'p.yaml:6:25 migration.algorithm: the first epoch is sent by precopy, got postcopy',
    ],
    [
      'channels',
      `${FILE}migration: { channels: 2 }\n`,
      'p.yaml:6:24 migration.channels: more than one channel is not built yet for a protected guest: leave it out',
    ],
    [
      'a memory manager',
      change('vcpus: 1', 'vcpus: 1, memoryManager: {}'),
      'p.yaml:2:49 guest.memoryManager: a memory manager is not built yet for a protected guest: leave it out',
    ],
    [
      'versions in place of bytes',
      change('vcpus: 1', 'vcpus: 1, backing: versions'),
      'p.yaml:2:43 guest.backing: backing versions is not built yet for a protected guest: leave it out',
    ],
    [
      'a mistake in the scenario itself',
      change('rate: 10', 'rate: none'),
      'p.yaml:2:72 guest.workloads[0].rate: expected page accesses a second, a number above 0 such as 20000, or max, got "none"',
    ],
  ])('is refused with %s', (_, text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });
});
