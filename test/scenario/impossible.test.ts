import { describe, expect, it } from 'vitest';
import type { RunConfig } from '../../src/runtime/config.ts';
import { check } from '../../src/scenario/check.ts';
import type { Problem } from '../../src/scenario/problem.ts';
import { ResolveError, resolveScenario } from '../../src/scenario/resolve.ts';
import { MIB } from '../../src/units/brand.ts';
import {
  scenarioFolder,
  MINIMAL,
  PAGE_SIZES,
  type Row,
  withGuest,
  withMore,
  withWorkload,
} from '../support/scenarios.ts';

const { folder, load, complaints } = scenarioFolder();

const withMemory = (memory: string, availableBytes: number): RunConfig => {
  const { scenario } = load(MINIMAL);
  const sized = { ...scenario, guest: { ...scenario.guest, memory } };
  return resolveScenario(sized, folder, availableBytes);
};
const problemWith = (memory: string, availableBytes: number): Problem | undefined => {
  try {
    withMemory(memory, availableBytes);
    return undefined;
  } catch (error) {
    if (!(error instanceof ResolveError)) throw error;
    return error.problem;
  }
};

describe('impossible scenarios', () => {
  it.each<Row>([
    [
      'memory that pages do not fill',
      'guest: { memory: 5000 }\n',
      '1:18 guest.memory: 5000 is no multiple of the page size, 4 KiB: take 4KiB or 8KiB',
    ],
    [
      'a dirty-rate vector that falls, and one with both a count and a rate',
      withGuest(
        'workloads:\n    - { pattern: dirty-vector, points: [{ after: 1s, pages: 9 }, { after: 2s, pages: 8 }] }\n' +
          '    - { pattern: dirty-vector, points: [{ after: 1s, pages: 9, rate: 1MiB/s }, { after: 2s, pages: 9 }] }',
      ),
      '4:86 guest.workloads[0].points[1].pages: 8 dirty pages are fewer than the 9 of the point before: a count of distinct pages never falls as time passes',
      '5:41 guest.workloads[1].points[0]: expected either pages or rate beside after',
    ],
    [
      'a rate for a dirty-rate vector, more pages than its region, and one point alone',
      withGuest(
        'workloads:\n    - { pattern: dirty-vector, region: { size: 1MiB }, points: [{ after: 1s, rate: 1MiB/s }, { after: 3s, rate: 1MiB/s }] }\n' +
          '    - { pattern: dirty-vector, points: [{ after: 1s, pages: 9 }] }',
      ),
      "4:113 guest.workloads[0].points[1].rate: 768 dirty pages are more than the region's 256: give it a larger region",
      '5:40 guest.workloads[1].points: expected two points or more, as one says nothing about how the pages grow',
    ],
    [
      'memory that large pages do not fill',
      'guest: { memory: 65MiB, pageSize: 2MiB }\n',
      '1:18 guest.memory: "65MiB" is no multiple of the page size, 2 MiB: take 64MiB or 66MiB',
    ],
    [
      'a page size that no machine has',
      withGuest('pageSize: 8KiB'),
      `3:13 guest.pageSize: ${PAGE_SIZES}, got "8KiB"`,
    ],
    [
      'a page size that is no size',
      withGuest('pageSize: big'),
      `3:13 guest.pageSize: ${PAGE_SIZES}, got "big"`,
    ],
    [
      'a list for a page size',
      withGuest('pageSize: [4KiB]'),
      '3:13 guest.pageSize: expected a page size of 4KiB, 16KiB, 64KiB, 2MiB or 1GiB, got ["4KiB"]',
    ],
    [
      'a region beyond the memory',
      withWorkload('{ pattern: uniform, rate: 3, region: { start: 60MiB, size: 8MiB } }'),
      "4:44 guest.workloads[0].region: ends at 68 MiB, beyond the guest's 64 MiB",
    ],
    [
      'contents beyond the memory',
      withGuest('contents:\n    - { kind: text, region: { start: 48MiB, size: 17MiB } }'),
      "4:29 guest.contents[0].region: ends at 65 MiB, beyond the guest's 64 MiB",
    ],
    [
      'a size that is decimal, of which no byte is rounded away',
      'guest: { memory: 50GB }\n',
      '1:18 guest.memory: "50GB" is no multiple of the page size, 4 KiB: take 48828124KiB or 48828128KiB',
    ],
    [
      'a region that begins within a page',
      withWorkload('{ pattern: uniform, rate: 3, region: { start: 100, size: 8MiB } }'),
      '4:53 guest.workloads[0].region.start: is no multiple of the page size, 4 KiB: take 4KiB',
    ],
    [
      'a region that ends within a page',
      withWorkload('{ pattern: uniform, rate: 3, region: { size: 5KiB } }'),
      '4:52 guest.workloads[0].region.size: is no multiple of the page size, 4 KiB: take 4KiB or 8KiB',
    ],
    [
      'an empty region',
      withWorkload('{ pattern: uniform, rate: 3, region: { size: 0 } }'),
      '4:52 guest.workloads[0].region.size: expected a size above 0 such as 64MiB, got 0',
    ],
    [
      'a vCPU that the guest does not have',
      withWorkload('{ pattern: uniform, rate: 3, vcpu: 2 }'),
      '4:42 guest.workloads[0].vcpu: the guest has 2 vCPUs, numbered from 0',
    ],
    [
      'more words than a page has',
      withWorkload('{ pattern: uniform, rate: 3, wordsPerPage: 513 }'),
      '4:50 guest.workloads[0].wordsPerPage: 513 words take 4104 bytes, a page has 4096',
    ],
    [
      'more words than any page has',
      withWorkload('{ pattern: uniform, rate: 3, wordsPerPage: 1000000 }'),
      '4:50 guest.workloads[0].wordsPerPage: expected a whole number from 1 to 8192, got 1000000',
    ],
    [
      'more words of all streams than a page has',
      withGuest('vcpus: 64\n  workloads: [{ pattern: uniform, rate: 3, wordsPerPage: 64 }]'),
      '4:14 guest.workloads: the words of all streams over a page take 4608 bytes, a page has ' +
        '4096: use fewer words per page, fewer vCPUs, or regions that do not overlap',
    ],
    [
      'an end before the beginning',
      withWorkload('{ pattern: uniform, rate: 3, from: 2s, until: 1s }'),
      '4:53 guest.workloads[0].until: must be later than from ("2s")',
    ],
    [
      'an end at the beginning',
      withWorkload('{ pattern: uniform, rate: 3, from: 1s, until: 1000ms }'),
      '4:53 guest.workloads[0].until: must be later than from ("1s")',
    ],
    [
      'ticks at full speed',
      withWorkload('{ pattern: uniform, rate: max, tick: 1ms }'),
      '4:44 guest.workloads[0].tick: a workload of rate max has no ticks: leave it out, or give ' +
        'a rate',
    ],
    [
      'a stride of parts of a page',
      withWorkload('{ pattern: stride, rate: 3, stride: 100 }'),
      '4:43 guest.workloads[0].stride: is no multiple of the page size, 4 KiB: take 4KiB',
    ],
    [
      'pre-copy without a dirty log',
      withGuest('dirtyLog: none'),
      '3:13 guest.dirtyLog: pre-copy needs a dirty log: choose bitmap, bytemap, atomic or ring, ' +
        'or algorithm stop-and-copy or postcopy',
    ],
    [
      'references to pages that are counts of writes',
      withMore('migration: { encodings: [reference] }\nruntime: virtual').replace(
        'guest: {',
        'guest: { backing: versions,',
      ),
      '2:26 migration.encodings[0]: reference needs a guest with real bytes, as it compares the bytes of pages: ' +
        'leave it out, or set guest.backing: bytes',
    ],
    [
      'what has changed of pages that are counts of writes',
      withMore('migration: { encodings: [xbzrle] }\nruntime: virtual').replace(
        'guest: {',
        'guest: { backing: versions,',
      ),
      '2:26 migration.encodings[0]: xbzrle needs a guest with real bytes, as it compares the bytes of pages: ' +
        'leave it out, or set guest.backing: bytes',
    ],
    [
      'what has changed of large pages',
      'guest: { memory: 64MiB, pageSize: 64KiB }\nmigration: { encodings: [xbzrle] }\n',
      '2:26 migration.encodings[0]: xbzrle compares pages of at most 16 KiB: leave it out, or choose a smaller guest.pageSize',
    ],
    [
      'references to pages without sums',
      withMore('migration: { encodings: [reference, xbzrle] }\nlink: { integrity: header }'),
      '2:26 migration.encodings[0]: reference knows pages that are sent as blocks by their sums only: ' +
        'leave it out, or set link.integrity: full',
    ],
    [
      'a cache that nobody uses',
      withMore('migration: { xbzrleCacheSize: 1MiB }'),
      '2:31 migration.xbzrleCacheSize: has an effect only with the encoding xbzrle: leave it out, or add xbzrle to encodings',
    ],
    [
      'compressed pages that are counts of writes',
      withMore('migration: { encodings: [lz4] }\nruntime: virtual').replace(
        'guest: {',
        'guest: { backing: versions,',
      ),
      '2:26 migration.encodings[0]: lz4 needs a guest with real bytes, as it compares the bytes of pages: ' +
        'leave it out, or set guest.backing: bytes',
    ],
    [
      'compressed pages that travel in parts',
      'guest: { memory: 2GiB, pageSize: 1GiB }\nmigration: { encodings: [zstd] }\n',
      '2:26 migration.encodings[0]: zstd has no effect on pages above 2 MiB, which travel in parts: ' +
        'leave it out, or choose a smaller guest.pageSize',
    ],
    [
      'two ways to compress pages',
      withMore('migration: { encodings: [lz4, zstd] }'),
      '2:31 migration.encodings[1]: pages are compressed by one method: leave out lz4 or zstd',
    ],
    [
      'a level that the method does not have',
      withMore('migration: { encodings: [zlib], compressionLevel: 12 }'),
      '2:51 migration.compressionLevel: zlib has levels from 1 to 9, got 12',
    ],
    [
      'a level of a method without any',
      withMore('migration: { encodings: [lz4], compressionLevel: 2 }'),
      '2:50 migration.compressionLevel: has no effect on lz4, which has one level: leave it out, or choose zlib or zstd',
    ],
    [
      'a level of nothing that is compressed',
      withMore('migration: { compressionLevel: 2 }'),
      '2:32 migration.compressionLevel: has an effect only with an encoding that compresses pages: ' +
        'leave it out, or add zlib, lz4 or zstd to encodings',
    ],
    [
      'a block of compressed pages that no frame carries',
      withMore('migration: { encodings: [zlib], compressionBlock: 1MiB }'),
      '2:51 migration.compressionBlock: expected whole pages of 4 KiB, 128 KiB at most, which is what a frame carries; got 1MiB',
    ],
    [
      'a block of parts of pages',
      withMore('migration: { encodings: [zlib], compressionBlock: 6KiB }'),
      '2:51 migration.compressionBlock: expected whole pages of 4 KiB, 128 KiB at most, which is what a frame carries; got 6KiB',
    ],
    [
      'references to pages that travel in parts',
      'guest: { memory: 2GiB, pageSize: 1GiB }\nmigration: { encodings: [reference] }\nruntime: virtual\n',
      '2:26 migration.encodings[0]: reference has no effect on pages above 2 MiB, which travel in parts: ' +
        'leave it out, or choose a smaller guest.pageSize',
    ],
    [
      'a link with too much under way',
      withMore('link: { bandwidth: 10Gbit/s, latency: 1s }'),
      '2:20 link.bandwidth: "10Gbit/s" is more than the 2.12 Gbit/s that runtime threads emulates with a latency ' +
        'of "1s", as at most 256 MiB may be under way: lower it or the latency',
    ],
    [
      'a link that is too fast for real time',
      withMore('link: { bandwidth: 400Gbit/s }'),
      '2:20 link.bandwidth: "400Gbit/s" is more than the 177 Gbit/s that runtime threads emulates with a latency ' +
        'of "100us", as at most 256 MiB may be under way: lower it or the latency, or set runtime: virtual',
    ],
    [
      'a link that is too fast for its latency on a virtual clock',
      withMore('link: { bandwidth: 400Gbit/s, latency: 100ms }\nruntime: virtual'),
      '2:20 link.bandwidth: "400Gbit/s" is more than the 84.9 Gbit/s that runtime virtual emulates with a latency ' +
        'of "100ms", as at most 1 GiB may be under way: lower it or the latency',
    ],
    [
      'a link without a limit and with too high a latency',
      withMore('link: { bandwidth: unlimited, latency: 50ms }'),
      '2:40 link.latency: is more than the 26.8 ms that runtime threads emulates without a limit of the ' +
        'bandwidth, as at most 256 MiB may be under way: lower it, or set a bandwidth, or set runtime: virtual',
    ],
  ])('%s', (_, yaml, ...expected) => {
    expect(complaints(yaml)).toEqual(expected);
  });

  it('a guest of more memory than the machine has', () => {
    expect(problemWith('64MiB', 640 * MIB)).toBeUndefined();
    expect(problemWith('64MiB', 600 * MIB)).toEqual({
      path: ['guest', 'memory'],
      sentence:
        'source and destination of 64 MiB and the runtime need 640 MiB, this machine has ' +
        '600 MiB free: choose a smaller guest, or set guest.backing: versions with runtime: virtual, ' +
        'which keeps 6 bytes of a page',
    });
    // Counts in place of bytes would not fit either.
    expect(problemWith('64MiB', 500 * MIB)?.sentence).toMatch(/: choose a smaller guest$/);
    expect(complaints('guest: { memory: 4000TiB }\n')).toEqual([
      expect.stringMatching(/^1:18 guest\.memory: .*, this machine has .* free: choose a smaller/),
    ]);
  });

  it('a memory image that is not there, or shorter than its region', () => {
    const withImage = (path: string): string =>
      withGuest(`contents: [{ kind: file, path: ${path}, region: { size: 8MiB } }]`);
    expect(complaints(withImage('/no/such.raw'))).toEqual([
      '3:34 guest.contents[0].path: /no/such.raw is not there',
    ]);
    expect(complaints(withImage(import.meta.filename))).toEqual([
      expect.stringMatching(/from offset 0 B on, its region 8 MiB: give it a region of that size$/),
    ]);
  });

  it('everything that is impossible is told at once', () => {
    const yaml = withGuest('dirtyLog: none\n  contents: [{ kind: text, region: { size: 1GiB } }]');
    expect(complaints(yaml)).toHaveLength(2);
    expect(check(load(MINIMAL).scenario)).toEqual([]);
  });
});
