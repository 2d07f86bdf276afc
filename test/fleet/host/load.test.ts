import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostPresets, loadHost, loadHostDocument } from '../../../src/fleet/host/load.ts';
import { ScenarioDocument } from '../../../src/scenario/document.ts';
import { openDocument } from '../../../src/scenario/load.ts';
import { InputError } from '../../../src/scenario/input-error.ts';

const GUEST = '{ memory: 4MiB, vcpus: 1, workloads: [{ pattern: uniform, rate: 10 }] }';
const FILE = `duration: 10s
host: { memory: 8MiB }
guests:
  - { name: web, count: 2, guest: ${GUEST} }
`;

const OWN_POLICY = `export const mine = () => ({
  name: 'mine', skipsRedirtied: false, initial: {},
  decide: (state) => ({ state, actions: [{ kind: 'switchover' }] }),
});
`;

const load = (text: string) => loadHostDocument(new ScenarioDocument('h.yaml', text), '.');

function problemsOf(text: string): string[] {
  try {
    load(text);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return error.message.split('\n');
  }
  return [];
}

describe('the file of an overcommitted host', () => {
  it('has defaults that are those of the paper, and numbers its guests', () => {
    const { config } = load(FILE);
    expect(config.guests.map(({ name }) => name)).toEqual(['web-1', 'web-2']);
    expect(config.host).toMatchObject({
      machinePages: 2048,
      idleTax: 0.75,
      sampling: { pages: 100, periodNs: 30e9 },
      thresholds: { high: 0.06, soft: 0.04, hard: 0.02, low: 0.01 },
      sharing: { guestPagesPerSecond: 50, pagesPerSecond: 200 },
      swap: { pages: 1024 },
      balanceNs: 15e9,
    });
    expect(config.guests[0]).toMatchObject({
      grant: { minPages: 512, shares: 4 },
      populate: 'contents',
      balloon: { pollNs: 1e9, mostPages: Math.floor(0.65 * 1024) },
    });
    expect(config.guests[0]!.config.seed).not.toBe(config.guests[1]!.config.seed);
  });

  it('gives a result that stands for it, whose policy of its own is found from any folder', () => {
    const policy = '{ module: ./mine.mjs, export: mine }';
    const text = `${FILE}others: [{ name: spare, memory: 8MiB }]
migration: { policy: ${policy} }
migrations: [{ at: 1s, guest: web-1, to: spare }]
`;
    const folder = mkdtempSync(join(tmpdir(), 'pageferry-host-'));
    try {
      writeFileSync(join(folder, 'mine.mjs'), OWN_POLICY);
      const first = loadHostDocument(new ScenarioDocument('h.yaml', text), folder);
      expect(first.files).toContain(join(folder, 'mine.mjs'));
      const result = JSON.stringify({ schema: 'pageferry/host@1', scenario: first.file });
      const again = loadHostDocument(openDocument('r.json', result, []), '/');
      expect(again.file).toEqual(first.file);
      expect(again.config).toEqual(first.config);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('counts what is guaranteed to guests that live at one time', () => {
    const guests = `guests:
  - { name: early, stop: 5s, guest: ${GUEST} }
  - { name: late, start: 5s, guest: ${GUEST} }
`;
    const fits = `duration: 10s\nhost: { memory: 3MiB, swap: { size: 2MiB } }\n${guests}`;
    expect(problemsOf(fits)).toEqual([]);
    expect(problemsOf(fits.replace('stop: 5s', 'stop: 6s'))[0]).toContain(
      "the guests' minima and overheads are 4.0 MiB at 5s, but the host has 3.0 MiB",
    );
    expect(problemsOf(fits.replace('stop: 5s', 'stop: 6s').replace('3MiB', '8MiB'))[0]).toContain(
      "4.0 MiB of the guests' memory are not guaranteed at 5s",
    );
  });

  it('loads each preset', () => {
    expect(hostPresets().length).toBeGreaterThan(0);
    for (const { name, summary } of hostPresets()) {
      expect(summary.length, name).toBeGreaterThan(20);
      expect(loadHost(name).config.guests.length, name).toBeGreaterThan(0);
    }
  });

  it.each<[string, string, string]>([
    [
      'more guaranteed than there is',
      FILE.replace('8MiB', '3MiB'),
      "h.yaml:2:17 host.memory: the guests' minima and overheads are 4.0 MiB, but the host has 3.0 MiB: lower min, or take a guest away",
    ],
    [
      'a minimum above the memory',
      FILE.replace('count: 2,', 'min: 5MiB,'),
      "h.yaml:4:23 guests[0].min: a guest can't be guaranteed more than its memory of 4194304 bytes",
    ],
    [
      'a store that is too small',
      FILE.replace('8MiB', '8MiB, swap: { size: 1MiB }'),
      "h.yaml:2:37 host.swap.size: 4.0 MiB of the guests' memory are not guaranteed, so the swap store must hold as much, got 1MiB",
    ],
    [
      'two guests of one name',
      FILE.replace('count: 2,', '') + `  - { name: web, guest: ${GUEST} }\n`,
      'guests[1].name: two guests are called web',
    ],
    [
      'thresholds in the wrong order',
      FILE.replace('8MiB', '8MiB, thresholds: { soft: 0.1 }'),
      'host.thresholds: expected high ≥ soft ≥ hard ≥ low',
    ],
    [
      'a guest after the end',
      FILE.replace('count: 2,', 'start: 11s,'),
      "h.yaml:4:25 guests[0].start: the host lives for 10s, so a guest can't start at 11s",
    ],
    [
      'a stop before the start',
      FILE.replace('count: 2,', 'start: 5s, stop: 2s,'),
      'guests[0].stop: expected a time after its start at 5s, got 2s',
    ],
    [
      'a reset after the end',
      FILE.replace('count: 2,', 'resetAt: 10s,'),
      "guests[0].resetAt: the guest runs from 0s to 10s, so it can't reset at 10s",
    ],
    [
      'a reset without a memory manager',
      FILE.replace('count: 2,', 'resetAt: 5s,'),
      'h.yaml:4:27 guests[0].resetAt: only a memory manager can boot anew: give guest.memoryManager too',
    ],
    ['a change of nothing', `${FILE}changes: [{ at: 1s }]\n`, 'changes[0]: changes nothing'],
    [
      'shares of nobody',
      `${FILE}changes: [{ at: 1s, shares: 3 }]\n`,
      'guest and shares belong together',
    ],
    [
      'shares of an unknown guest',
      `${FILE}changes: [{ at: 1s, guest: db, shares: 3 }]\n`,
      'changes[0].guest: there is no guest db: there are web-1, web-2',
    ],
    [
      'a page size of its own',
      `${FILE}  - { name: db, guest: { memory: 4MiB, pageSize: 16KiB } }\n`,
      'guests[1].guest.pageSize: all guests of a host have the same pageSize',
    ],
    [
      'a guest that inflates its balloon by itself',
      FILE.replace('vcpus: 1', 'vcpus: 1, memoryManager: { selfBallooning: {} }'),
      "guests[0].guest.memoryManager.selfBallooning: a host drives its guests' balloons",
    ],
    [
      'a mistake in a guest',
      FILE.replace('rate: 10', 'rate: fast'),
      'guests[0].guest.workloads[0].rate',
    ],
    [
      'a change after the end',
      `${FILE}changes: [{ at: 11s, idleTax: 0 }]\n`,
      'changes[0].at: the host lives for 10s, so nothing can change at 11s',
    ],
    [
      'a change of a guest that has not started',
      FILE.replace('count: 2,', 'start: 5s,') + 'changes: [{ at: 1s, guest: web, shares: 3 }]\n',
      "changes[0].at: guest web starts only at 5s, so it can't change at 1s",
    ],
    [
      'a change of a guest that has stopped',
      FILE.replace('count: 2,', 'stop: 5s,') + 'changes: [{ at: 5s, guest: web, shares: 3 }]\n',
      "changes[0].at: guest web stops at 5s, so it can't change at 5s",
    ],
    [
      'more samples than anybody could use',
      `${FILE}sample: 1us\n`,
      "sample: expected at least a millionth of the host's 10s, got 1us",
    ],
    [
      'more machine memory than records of it can be kept',
      FILE.replace('8MiB', '100TiB'),
      'h.yaml:2:17 host.memory: expected at most 268435456 pages of 4096 bytes, got 100TiB',
    ],
    [
      'overheads that are more than there is as whole pages',
      FILE.replace('8MiB', '4MiB, overhead: 4KiB').replace('vcpus: 1', 'vcpus: 1, pageSize: 2MiB'),
      "the guests' minima and overheads are 8.0 MiB, but the host has 4.0 MiB",
    ],
    ['a misspelt key', FILE.replace('host:', 'hosts:'), 'host'],
  ])('refuses %s', (_, text, sentence) => {
    expect(problemsOf(text).join('\n')).toContain(sentence);
  });
});
