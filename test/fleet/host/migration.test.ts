import { describe, expect, it } from 'vitest';
import { loadHostDocument } from '../../../src/fleet/host/load.ts';
import { buildHostResult } from '../../../src/fleet/host/result.ts';
import type { HostResult } from '../../../src/fleet/host/result-schema.ts';
import { runHost } from '../../../src/fleet/host/run.ts';
import { ScenarioDocument } from '../../../src/scenario/document.ts';

const load = (text: string) => loadHostDocument(new ScenarioDocument('h.yaml', text), '.');

async function run(text: string): Promise<HostResult> {
  const loaded = load(text);
  return buildHostResult(loaded, await runHost(loaded.config));
}

const MIB = 1024 * 1024;

/** A guest of 12 MiB, of which its host has 8 MiB, moves to a host that has room for all of it. */
const pressed = (isShared: boolean, algorithm = 'precopy'): string => `duration: 10s
sample: 1s
host: { memory: 8MiB, sharing: { isOn: false }, swap: { isShared: ${isShared}, latency: 1ms } }
others: [{ name: spare, memory: 16MiB }]
guests:
  - name: vm
    min: 2MiB
    populate: all
    balloon: { isOn: false }
    guest:
      memory: 12MiB
      vcpus: 1
      contents: [{ kind: random }]
      workloads: [{ pattern: uniform, region: { start: 0MiB, size: 4MiB }, rate: 500, vcpu: 0 }]
link: { bandwidth: 200Mbit/s }
migration: { algorithm: ${algorithm} }
migrations: [{ at: 5s, guest: vm, to: spare }]
`;

describe('a guest that a host with too little memory migrates', () => {
  it.each(['precopy', 'postcopy', 'hybrid', 'stop-and-copy'])(
    'leaves its swapped pages in a store that both hosts use: %s',
    async (algorithm) => {
      const shared = await run(pressed(true, algorithm));
      const own = await run(pressed(false, algorithm));
      expect([shared, own].map(({ ok, problems }) => [ok, problems])).toEqual([
        [true, []],
        [true, []],
      ]);
      const [with_, without] = [shared.migrations![0]!, own.migrations![0]!];
      expect(with_.run).toMatchObject({ outcome: 'completed', verify: { kind: 'full', ok: true } });
      // A third of its memory is swapped out.
      expect((with_.swappedPages! * 4096) / MIB).toBeGreaterThan(3.5);
      expect(without.swappedPages).toBeUndefined();
      expect((without.fetchedPages! * 4096) / MIB).toBeGreaterThan(3.5);
      expect(with_.fetchedPages!).toBeLessThan(without.fetchedPages! / 2);
      expect(with_.run!.ram.transferred).toBeLessThan(without.run!.ram.transferred - 3 * MIB);
      expect(with_.run!.totalTimeMs).toBeLessThan(without.run!.totalTimeMs);
      expect(with_.usedBytes!.peak).toBeGreaterThan(with_.usedBytes!.before);
      // What has moved is brought in at the other host by the guest's accesses.
      expect(shared.series.guests[0]!.swappedBytes.at(-1)).toBeGreaterThan(0);
      expect(own.series.guests[0]!.swappedBytes.at(-1)).toBe(0);
    },
  );

  it('names equal pages by references, also those that have to be brought in first', async () => {
    const scenario = pressed(false)
      .replace('{ kind: random }', '{ kind: mixed, zeroShare: 0, duplicateShare: 0.8 }')
      .replace('rate: 500', 'rate: 50, writes: 0.1')
      .replace('algorithm: precopy', 'encodings: [zero, reference]');
    const roomy = scenario.replace('memory: 8MiB', 'memory: 14MiB');
    const [partly, whole] = [await run(scenario), await run(roomy)];
    expect([partly.ok, whole.ok]).toEqual([true, true]);
    const [few, all] = [partly.migrations![0]!, whole.migrations![0]!];
    expect(few.fetchedPages).toBeGreaterThan(1000);
    expect(all.run!.ram.deduplicated).toBeGreaterThan(2000);
    expect(few.run!.ram.deduplicated).toBeGreaterThan(0.9 * all.run!.ram.deduplicated!);
  });

  it('has its balloon inflated before, if that is wanted, and sends what is left', async () => {
    const text = (balloon: string): string => `duration: 10s
host: { memory: 20MiB, sharing: { isOn: false } }
others: [{ name: spare, memory: 20MiB }]
guests:
  - name: vm
    min: 2MiB
    balloon: { rate: 8MB/s, most: 0.9 }
    guest:
      memory: 16MiB
      vcpus: 1
      contents: [{ kind: random }]
      memoryManager: { kernel: 1MiB, cache: [{ start: 6MiB, size: 10MiB }] }
      workloads: [{ pattern: uniform, region: { start: 1MiB, size: 4MiB }, rate: 100, vcpu: 0 }]
link: { bandwidth: 200Mbit/s }
migrations: [{ at: 2s, guest: vm, to: spare${balloon} }]
`;
    const plain = (await run(text(''))).migrations![0]!;
    const after = await run(text(', balloon: { target: 6MiB, within: 5s }'));
    const small = after.migrations![0]!;
    expect(after.ok).toBe(true);
    expect(small.balloonedBytes! / MIB).toBeCloseTo(10, 1);
    expect(small.startMs! - small.askedMs).toBeGreaterThan(1000);
    expect(plain.run!.ram.transferred - small.run!.ram.transferred).toBeGreaterThan(9 * MIB);
    expect(small.usedBytes!.before).toBeLessThan(plain.usedBytes!.before - 9 * MIB);
  });

  it('stays where it is when the other host can not admit it, which the result says', async () => {
    const result = await run(
      pressed(false)
        .replace('memory: 16MiB', 'memory: 1MiB')
        .replace(
          'guest: vm, to: spare }',
          'guest: vm, to: spare }, { at: 6s, guest: vm, to: host }',
        ),
    );
    expect(result.ok).toBe(true);
    expect(result.migrations!.map(({ refusal }) => refusal)).toEqual([
      "the guests' minima and overheads are 512 pages, but the host has 256",
      'guest vm is on host host already',
    ]);
    expect(result.migrations![0]!.run).toBeUndefined();
  });
});

describe('a file of hosts whose guests migrate', () => {
  const base = pressed(true);
  it.each([
    [
      'to: spare',
      'to: sqare',
      'h.yaml:17:39 migrations[0].to: there is no host sqare: there are host, spare',
    ],
    [
      'guest: vm, to',
      'guest: wm, to',
      'h.yaml:17:31 migrations[0].guest: there is no guest wm: there are vm',
    ],
    [
      'at: 5s',
      'at: 10s',
      'h.yaml:17:20 migrations[0].at: the host lives for 10s, so nothing can migrate at 10s',
    ],
    [
      'name: spare',
      'name: host',
      'h.yaml:4:18 others[0].name: expected a name of its own, but another host is called host already',
    ],
    [
      'populate: all',
      'host: spar',
      'h.yaml:8:11 guests[0].host: there is no host spar: there are host, spare',
    ],
    [
      'populate: all',
      'start: 6s',
      "h.yaml:17:20 migrations[0].at: guest vm starts only at 6s, so it can't migrate at 5s",
    ],
    [
      'populate: all',
      'stop: 4s',
      "h.yaml:17:20 migrations[0].at: guest vm stops at 4s, so it can't migrate at 5s",
    ],
    [
      'memory: 16MiB }',
      'memory: 16MiB, swap: { latency: 1ms } }',
      "h.yaml:4:46 others[0].swap: all hosts use the first one's store, which host.swap describes: leave this key out",
    ],
    [
      'algorithm: precopy',
      'runAfter: 1s',
      'h.yaml:16:24 migration.runAfter: the guests of a host live until they stop: give guests[].stop',
    ],
    [
      'bandwidth: 200Mbit/s',
      'bandwidth: fast',
      'h.yaml:15:20 link.bandwidth: expected a rate such as 1Gbit/s or 100MB/s, or unlimited, got "fast"',
    ],
  ])('is refused with %s replaced by %s', (from, to, sentence) => {
    expect(() => load(base.replace(from, to))).toThrow(sentence);
  });

  it('is refused when nobody could use the shared store, and when pages travel in parts', () => {
    const alone = base.replace(/others:.*\n/, '').replace(/migrations:.*\n/, '');
    expect(() => load(alone)).toThrow(/host\.swap\.isShared: there is no other host/);
    const huge = base
      .replaceAll('12MiB', '2GiB')
      .replace('size: 4MiB', 'size: 1GiB')
      .replace('vcpus: 1', 'vcpus: 1\n      pageSize: 1GiB')
      .replace('memory: 8MiB', 'memory: 4GiB');
    expect(() => load(huge)).toThrow(/guests\[0\]\.guest\.pageSize: .*at most 2MiB, got 1GiB/);
  });
});
