import { describe, expect, it } from 'vitest';
import {
  scenarioFolder,
  type Row,
  withGuest,
  withMore,
  withWorkload,
} from '../support/scenarios.ts';

const { load, complaints } = scenarioFolder();

describe('a memory manager', () => {
  const managed = (manager: string, rest = ''): string =>
    `guest:\n  memory: 64MiB\n  vcpus: 1\n  memoryManager: ${manager}\n${rest}`;

  it('becomes what the guest gets', () => {
    const manager =
      '{ kernel: 4MiB, used: [{ start: 4MiB, size: 1MiB }], cache: [{ start: 8MiB, size: 2MiB }], ' +
      'cacheReclaimShare: 0.25, selfBallooning: { interval: 2s, share: 0.5 }, release: cache }';
    const { guest } = load(managed(manager)).config;
    expect(guest.memoryManager).toEqual({
      kernelPages: 1024,
      used: [{ firstGfn: 1024, pages: 256 }],
      cache: [{ firstGfn: 2048, pages: 512 }],
      deflatePages: 128,
      cacheReclaimShare: 0.25,
      release: 'cache',
      ballooning: { intervalNs: 2e9, share: 0.5, holdOff: 10 },
    });
  });

  it('is given what its workloads free, and how often references are looked at', () => {
    const rest = '  lruScan: 1s\n  workloads: [{ pattern: quicksort, rate: 9, frees: 3s }]\n';
    const { guest } = load(managed('{}', rest)).config;
    expect(guest).toMatchObject({ lruScanNs: 1e9, workloads: [{ freesNs: 3e9, writes: 1 }] });
  });

  const NEEDED = 'needs guest.memoryManager, which knows what is free: add it, or leave this out';
  it.each<Row>([
    [
      'a kernel of half a page',
      managed('{ kernel: 2KiB }'),
      '4:28 guest.memoryManager.kernel: is no multiple of the page size, 4 KiB: take 4KiB',
    ],
    [
      'a kernel larger than the guest',
      managed('{ kernel: 128MiB }'),
      "4:28 guest.memoryManager.kernel: is more than the guest's 64 MiB",
    ],
    [
      'a region beyond the guest',
      managed('{ cache: [{ start: 63MiB, size: 2MiB }] }'),
      "4:28 guest.memoryManager.cache[0]: ends at 65 MiB, beyond the guest's 64 MiB",
    ],
    [
      'a region of half a page',
      managed('{ used: [{ start: 1MiB, size: 2KiB }] }'),
      '4:27 guest.memoryManager.used[0]: is no multiple of the page size, 4 KiB: take 4KiB',
    ],
    [
      'a region for a list',
      managed('{ used: 1MiB }'),
      '4:26 guest.memoryManager.used: expected a list of regions of memory in use',
    ],
    [
      'an interval without a unit',
      managed('{ selfBallooning: { interval: 5 } }'),
      '4:48 guest.memoryManager.selfBallooning.interval: expected a duration such as 300ms or 10s, got 5',
    ],
    [
      'something else to release',
      managed('{ release: all }'),
      '4:29 guest.memoryManager.release: expected none or free or cache, got "all"',
    ],
    [
      'workloads over the same pages',
      managed(
        '{}',
        '  workloads:\n    - { pattern: uniform, rate: 9 }\n    - { pattern: uniform, rate: 9 }\n',
      ),
      '7:7 guest.workloads[1]: overlaps workload 0: with a memoryManager each page belongs to one workload',
    ],
    [
      'a workload of several vCPUs',
      'guest:\n  memory: 64MiB\n  memoryManager: {}\n  workloads:\n    - { pattern: uniform, rate: 9 }\n',
      '5:7 guest.workloads[0]: needs a vcpu, as the guest has a memoryManager: name the vCPU that makes its accesses',
    ],
    [
      'frees without one',
      withWorkload('{ pattern: uniform, rate: 9, frees: 1s }'),
      `4:43 guest.workloads[0].frees: ${NEEDED}`,
    ],
    [
      'pseudo-paging without one',
      withMore('migration: { algorithm: postcopy, pseudoPaging: true }'),
      `2:49 migration.pseudoPaging: ${NEEDED}`,
    ],
    [
      'pseudo-paging of pre-copy',
      managed('{}', 'migration: { pseudoPaging: true }\n'),
      '5:28 migration.pseudoPaging: has an effect only with post-copy, the migration is precopy: leave it out',
    ],
    [
      'free-page hints without one',
      withMore('migration: { freePageHints: true }'),
      `2:29 migration.freePageHints: ${NEEDED}`,
    ],
    [
      'free-page hints with post-copy',
      managed('{}', 'migration: { algorithm: hybrid, freePageHints: true }\n'),
      '5:48 migration.freePageHints: has an effect only with pre-copy that never turns into post-copy, as a hinted page that is requested after a switch to post-copy would never come: leave it out',
    ],
    [
      'a block of free-page hints without hints',
      managed('{}', 'migration: { freePageHintBlock: 4MiB }\n'),
      '5:33 migration.freePageHintBlock: has an effect only with freePageHints: leave it out, or set freePageHints: true',
    ],
    [
      'a block of free-page hints that the buddy allocator does not have',
      managed('{}', 'migration: { freePageHints: true, freePageHintBlock: 12KiB }\n'),
      '5:54 migration.freePageHintBlock: expected a power of two of pages of 4 KiB, such as 4MiB, got "12KiB"',
    ],
    [
      'an order of references that nobody looks at',
      withMore('migration: { algorithm: postcopy, swapOrder: lru }'),
      '2:46 migration.swapOrder: needs guest.lruScan, which says how often the guest scans its pages for references: add it',
    ],
    [
      'an order of post-copy with pre-copy',
      withMore('migration: { swapOrder: allocation, swapReadaheadPages: 8 }'),
      '2:25 migration.swapOrder: has an effect only with post-copy, the migration is precopy: leave it out',
      '2:57 migration.swapReadaheadPages: has an effect only with post-copy, the migration is precopy: leave it out',
    ],
    [
      'a queue of no pages that is discarded',
      withMore(
        'migration: { algorithm: hybrid, pageOrder: bubbling, bubbling: { discardsQueue: true } }',
      ),
      '2:81 migration.bubbling.discardsQueue: needs queuePages, how many pages the queue has: add it, or leave this out',
    ],
    [
      'page cache in the kernel',
      managed('{ kernel: 2MiB, cache: [{ start: 1MiB, size: 2MiB }] }'),
      '4:42 guest.memoryManager.cache[0]: overlaps kernel or used, which are always in use and so no page cache: move or shorten it',
    ],
    [
      'a region that ends a page too late',
      managed('{ used: [{ start: 64MiB, size: 4KiB }] }'),
      "4:27 guest.memoryManager.used[0]: ends at byte 67112960, beyond the guest's 67108864",
    ],
    [
      'a look at references every nanosecond',
      withGuest('lruScan: 1ns'),
      '3:12 guest.lruScan: expected a duration of 1ms or more, such as 300ms or 10s, got "1ns"',
    ],
    [
      'a queue for nothing',
      withMore('migration: { pageOrder: bubbling, bubbling: { queuePages: -1 } }'),
      '2:59 migration.bubbling.queuePages: expected a whole number from 0 to 1000000, got -1',
    ],
  ])('%s', (_, yaml, ...expected) => {
    expect(complaints(yaml)).toEqual(expected);
  });
});
