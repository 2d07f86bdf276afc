import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  MINIMAL,
  type Row,
  scenarioFolder,
  withGuest,
  withMore,
  withTrace,
  withWorkload,
} from '../support/scenarios.ts';

const { folder, load, complaints } = scenarioFolder();

describe('what lies at a limit', () => {
  const managed = (workloads: string): string =>
    `guest:\n  memory: 64MiB\n  memoryManager: {}\n  workloads: ${workloads}\n`;

  it.each<Row>([
    [
      "a region that ends with the guest's last byte",
      withWorkload('{ pattern: uniform, rate: 3, region: { start: 60MiB, size: 4MiB } }'),
    ],
    [
      'workloads that lie side by side, with a memory manager',
      managed(
        '[{ pattern: uniform, rate: 3, vcpu: 0, region: { size: 4MiB } },' +
          ' { pattern: uniform, rate: 3, vcpu: 1, region: { start: 4MiB, size: 4MiB } }]',
      ),
    ],
    ['as many vCPUs as there may be', withGuest('vcpus: 256')],
    ['the smallest ring', withGuest('dirtyLog: ring\n  dirtyRingSize: 1024')],
    ['the largest ring', withGuest('dirtyLog: ring\n  dirtyRingSize: 65536')],
  ])('is accepted: %s', (_, yaml) => {
    expect(complaints(yaml)).toEqual([]);
  });

  it('is accepted: an image as long as its region, from its offset on', () => {
    writeFileSync(join(folder, 'image.raw'), new Uint8Array(12_288));
    const withImage = (more: string): string =>
      withGuest(`contents: [{ kind: file, path: image.raw, ${more} }]`);
    expect(complaints(withImage('region: { size: 12KiB }'))).toEqual([]);
    expect(complaints(withImage('offset: 4KiB, region: { size: 8KiB }'))).toEqual([]);
    expect(complaints(withImage('offset: 8KiB, region: { size: 8KiB }'))).toHaveLength(1);
  });
});

describe('what lies beside a limit', () => {
  it.each<Row>([
    [
      'a ring of a number between two powers of two',
      withGuest('dirtyLog: ring\n  dirtyRingSize: 5120'),
      '4:18 guest.dirtyRingSize: expected a power of two from 1024 to 65536, got 5120',
    ],
    ['too many vCPUs', withGuest('vcpus: 257'), expect.stringContaining('from 1 to 256, got 257')],
    [
      'a hybrid migration without a dirty log',
      'guest: { memory: 64MiB, dirtyLog: none }\nmigration: { algorithm: hybrid }\n',
      '1:35 guest.dirtyLog: hybrid needs a dirty log: choose bitmap, bytemap, atomic or ring, or ' +
        'algorithm stop-and-copy or postcopy',
    ],
    [
      'two wrong letters of a short key',
      withMore('sefc: 3'),
      '2:1 sefc: unknown key: did you mean seed?',
    ],
  ])('is refused: %s', (_, yaml, ...expected) => {
    expect(complaints(yaml)).toEqual(expected);
  });

  it('is refused: a workload behind the first that is missing', () => {
    const yaml = withWorkload('{ pattern: uniform, rate: 3 }');
    const added = '{ pattern: uniform, rate: 4 }';
    expect(complaints(yaml, [`guest.workloads[1]=${added}`])).toEqual([]);
    expect(complaints(yaml, [`guest.workloads[2]=${added}`])).toEqual([
      '--set guest.workloads[2]: the scenario has no guest.workloads[2] to set a key of',
    ]);
  });

  it('is refused: touched pages at another interval', () => {
    const header = { format: 'pageferry/trace@1', intervalMs: 20, pageSize: 4096 };
    const lines = [header, [0, 4], [3, 1], []].map((line) => JSON.stringify(line));
    writeFileSync(join(folder, 'traces', 'slower'), gzipSync(`${lines.join('\n')}\n`));
    expect(complaints(withTrace('{ file: traces/good, touched: traces/slower }'))).toEqual([
      expect.stringContaining('has other intervals than traces/good: both come from one run'),
    ]);
  });
});

describe('a scenario that was loaded', () => {
  it('shares nothing with the next one', () => {
    const { guest, migration } = load(MINIMAL).scenario;
    Object.assign(migration.throttle, { initial: 0.9 });
    (migration.encodings as string[]).push('more');
    (guest.contents as unknown[]).push('more');
    const next = load(MINIMAL).scenario;
    expect(next.migration.throttle.initial).toBe(0.2);
    expect(next.migration.encodings).toEqual(['zero']);
    expect(next.guest.contents).toEqual([]);
  });
});
