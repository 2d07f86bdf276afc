import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { RunConfig } from '../../src/runtime/config.ts';
import { check } from '../../src/scenario/check.ts';
import type { Problem } from '../../src/scenario/problem.ts';
import { ResolveError, resolveScenario } from '../../src/scenario/resolve.ts';
import { MIB } from '../../src/units/brand.ts';
import {
  MINIMAL,
  type Row,
  scenarioFolder,
  withGuest,
  withMore,
  withWorkload,
} from '../support/scenarios.ts';

const { folder, load, complaints } = scenarioFolder();

describe('what does not fit together', () => {
  it.each<Row>([
    [
      'catching up at full speed',
      withWorkload('{ pattern: uniform, rate: max, catchUp: 1s }'),
      '4:47 guest.workloads[0].catchUp: a workload of rate max is never late: leave it out, or give a rate',
    ],
    [
      'chunks to clear that are no whole words of the log',
      withGuest('clearChunk: 100KiB'),
      '3:15 guest.clearChunk: is no multiple of 64 pages, 256 KiB: take 256KiB',
    ],
    [
      'chunks to clear that are too small for large pages',
      'guest: { memory: 64MiB, pageSize: 64KiB, clearChunk: 6MiB }\n',
      '1:54 guest.clearChunk: is no multiple of 64 pages, 4 MiB: take 4MiB or 8MiB',
    ],
    [
      'all about one region',
      withWorkload('{ pattern: uniform, rate: 1, region: { start: 6KiB, size: 65537KiB } }'),
      '4:53 guest.workloads[0].region.start: is no multiple of the page size, 4 KiB: take 4KiB or 8KiB',
      '4:65 guest.workloads[0].region.size: is no multiple of the page size, 4 KiB: take 64MiB or 65540KiB',
      expect.stringMatching(/^4:44 guest\.workloads\[0\]\.region: ends at /),
    ],
    [
      'a link without a limit and with too high a latency for any runtime',
      withMore('link: { bandwidth: unlimited, latency: 10s }\nruntime: virtual'),
      expect.stringMatching(
        /^2:40 link\.latency: is more than the [^:]* as at most 1 GiB may be under way: lower it, or set a bandwidth$/,
      ),
    ],
    [
      'a link without a limit and with too high a latency, but for both',
      withMore('link: { bandwidth: unlimited, latency: 10s }'),
      expect.stringMatching(/256 MiB may be under way: lower it, or set a bandwidth$/),
    ],
    [
      'versions in real time',
      withGuest('backing: versions'),
      '3:12 guest.backing: versions stand for pages in the virtual runtime alone: set runtime: virtual',
    ],
    [
      'an image that versions would stand for',
      'guest:\n  memory: 64MiB\n  backing: versions\n  contents: [{ kind: text }, { kind: file, path: x }]\nruntime: virtual\n',
      '4:38 guest.contents[1].kind: an image has bytes, which backing versions does not keep: use backing: bytes',
    ],
  ])('%s is refused', (_, yaml, ...expected) => {
    expect(complaints(yaml)).toEqual(expected);
  });

  it.each<Row>([
    [
      'as many words as a page has',
      withGuest('vcpus: 1\n  workloads: [{ pattern: uniform, rate: 3, wordsPerPage: 512 }]'),
    ],
    [
      'full speed without catching up',
      withWorkload('{ pattern: uniform, rate: max, catchUp: none }'),
    ],
    [
      'catching up, and ticks, at a rate',
      withWorkload('{ pattern: uniform, rate: 3, catchUp: 1s, tick: 1ms }'),
    ],
    ['the last vCPU', withWorkload('{ pattern: uniform, rate: 3, vcpu: 1 }')],
    [
      'post-copy without a dirty log',
      `${withGuest('dirtyLog: none')}migration: { algorithm: postcopy }\n`,
    ],
    [
      'a stop without a dirty log',
      `${withGuest('dirtyLog: none')}migration: { algorithm: stop-and-copy }\n`,
    ],
    ['hybrid with a dirty log', withMore('migration: { algorithm: hybrid }')],
    [
      'an order of references of a guest that scans',
      `${withGuest('lruScan: 1s')}migration: { algorithm: postcopy, swapOrder: lru }\n`,
    ],
    [
      'a fast link on a virtual clock',
      withMore('link: { bandwidth: 400Gbit/s }\nruntime: virtual'),
    ],
    [
      'an endless link with a latency on a virtual clock',
      withMore('link: { bandwidth: unlimited, latency: 50ms }\nruntime: virtual'),
    ],
    ['versions on a virtual clock', `${withGuest('backing: versions')}runtime: virtual\n`],
  ])('%s is accepted', (_, yaml) => {
    expect(complaints(yaml)).toEqual([]);
  });

  it.each([
    ['qemu', 'qemuVersion', ['7.2', '10']],
    [
      'qemu',
      'downtimeLadder',
      ['none', 'nova', 'kubevirt', 'proxmox', 'kubevirt-timeouts', 'kubevirt-stall'],
    ],
    ['cloud-hypervisor', 'timeoutAction', ['cancel', 'ignore']],
  ])('each choice of policy %s, %s, is accepted', (policy, key, values) => {
    for (const value of values) {
      const line = `migration: { policy: ${policy}, ${key}: ${value} }`;
      expect(complaints(withMore(line)), value).toEqual([]);
    }
  });

  it('is looked for in a document that is no map as in one of defaults', () => {
    const { scenario } = load(MINIMAL);
    const foreign = { ...scenario, migration: { ...scenario.migration, policy: 'xen' as const } };
    const written = { migration: { rounds: 7, policy: 'xen' } };
    expect(check(foreign, written)).toHaveLength(1);
    for (const document of [undefined, null, 3, [], {}, { migration: 3 }, { migration: [] }]) {
      expect(check(foreign, document ?? {})).toEqual([]);
    }
    expect(check(foreign, null)).toEqual([]);
  });
});

describe('numbers of a guest', () => {
  const guestOf = (yaml: string): RunConfig['guest'] => load(yaml).config.guest;

  it('say how many pages are cleared at once, if that is said', () => {
    expect(guestOf(withGuest('clearChunk: 512KiB')).clearChunkPages).toBe(128);
    expect(guestOf(MINIMAL)).not.toHaveProperty('clearChunkPages');
    expect(guestOf(MINIMAL)).not.toHaveProperty('lruScanNs');
    expect(guestOf(MINIMAL)).not.toHaveProperty('memoryManager');
  });

  it('say what mixed contents are mixed of', () => {
    const mixed = '{ kind: mixed, zeroShare: 0.1, duplicateShare: 0.2, compressedShare: 0.3 }';
    expect(guestOf(withGuest(`contents: [${mixed}]`)).contents).toEqual([
      {
        firstGfn: 0,
        pages: 16_384,
        kind: 'mixed',
        zeroShare: 0.1,
        mixed: { duplicateShare: 0.2, compressedShare: 0.3 },
      },
    ]);
  });

  it('leave out what a workload does not say', () => {
    const [bare] = guestOf(withWorkload('{ pattern: uniform, rate: 3 }')).workloads;
    expect(bare).toEqual({
      firstGfn: 0,
      pages: 16_384,
      pattern: { kind: 'uniform' },
      rate: 3,
      writes: 1,
      wordsPerPage: 1,
      fromNs: 0,
      untilNs: Infinity,
    });
    const [late] = guestOf(withWorkload('{ pattern: uniform, rate: 3, catchUp: 2s }')).workloads;
    expect(late).toEqual({ ...bare, catchUpNs: 2e9 });
  });
});

describe('the memory of a machine', () => {
  const problemOf = (yaml: string, availableBytes: number): Problem | undefined => {
    const { scenario } = load(yaml);
    try {
      resolveScenario(scenario, folder, availableBytes);
      return undefined;
    } catch (error) {
      if (!(error instanceof ResolveError)) throw error;
      return error.problem;
    }
  };
  const versions = `${withGuest('backing: versions')}runtime: virtual\n`;
  /** Both guests of 16 384 pages with 6 bytes each, and the runtime's 512 MiB. */
  const leastOfVersions = 2 * 6 * 16_384 + 512 * MIB;

  it('is enough when it is just as much as is needed', () => {
    expect(problemOf(MINIMAL, 640 * MIB)).toBeUndefined();
    expect(problemOf(MINIMAL, 640 * MIB - 1)?.sentence).toMatch(/set guest\.backing: versions/);
    expect(problemOf(versions, leastOfVersions)).toBeUndefined();
    expect(problemOf(versions, leastOfVersions - 1)?.sentence).toMatch(/: choose a smaller guest$/);
  });

  it('has versions as a remedy where they would fit and may be used', () => {
    expect(problemOf(MINIMAL, leastOfVersions)?.sentence).toMatch(/set guest\.backing: versions/);
    expect(problemOf(MINIMAL, leastOfVersions - 1)?.sentence).toMatch(/: choose a smaller guest$/);
    writeFileSync(join(folder, 'page.raw'), new Uint8Array(4096));
    const image = withGuest(
      'contents: [{ kind: text }, { kind: file, path: page.raw, region: { size: 4KiB } }]',
    );
    expect(problemOf(image, 600 * MIB)?.sentence).toMatch(/: choose a smaller guest$/);
  });
});

describe('an image', () => {
  const withImage = (path: string): string =>
    withGuest(`contents: [{ kind: file, path: ${path}, region: { size: 8KiB } }]`);

  it('is a file that can be read', () => {
    mkdirSync(join(folder, 'images'));
    writeFileSync(join(folder, 'images', 'one'), new Uint8Array(8192));
    expect(complaints(withImage('images'))).toEqual([
      '3:34 guest.contents[0].path: FOLDER/images is no file',
    ]);
    expect(complaints(withImage('images/one/two'))).toEqual([
      "3:34 guest.contents[0].path: FOLDER/images/one/two can't be read (ENOTDIR)",
    ]);
    expect(load(withImage('images/one')).config.guest.contents).toEqual([
      {
        firstGfn: 0,
        pages: 2,
        kind: 'file',
        zeroShare: 0,
        image: { path: join(folder, 'images', 'one'), offset: 0 },
      },
    ]);
  });

  it('that is compressed may be any length', () => {
    writeFileSync(join(folder, 'image.gz'), gzipSync(new Uint8Array(8192)));
    expect(complaints(withImage('image.gz'))).toEqual([]);
  });

  it('that ends before its offset has nothing', () => {
    writeFileSync(join(folder, 'short.raw'), new Uint8Array(4096));
    const far = '{ kind: file, path: short.raw, offset: 1MiB, region: { size: 8KiB } }';
    expect(complaints(withGuest(`contents: [${far}]`))).toEqual([
      '3:34 guest.contents[0].path: FOLDER/short.raw has 0 B from offset 1 MiB on, its region 8 KiB: give it a region of that size',
    ]);
  });
});
