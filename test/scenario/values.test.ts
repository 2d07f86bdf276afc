import { describe, expect, it } from 'vitest';
import {
  scenarioFolder,
  ACCESSES,
  PATTERNS,
  RATE,
  SEED,
  type Row,
  withGuest,
  withMore,
  withTrace,
  withWorkload,
} from '../support/scenarios.ts';

const { complaints } = scenarioFolder();

describe('wrong values', () => {
  it.each<Row>([
    ['a list for a scenario', '- guest\n', '1:1: expected a map of keys'],
    ['a word for a scenario', 'hello\n', '1:1: expected a map of keys'],
    ['a list for a map', 'guest: [1]\n', '1:8 guest: expected a map of keys'],
    ['a word for a map', withMore('link: 1Gbit/s'), '2:7 link: expected a map of keys'],
    [
      'a map for a list',
      withGuest('workloads: { pattern: uniform }'),
      '3:14 guest.workloads: expected a list of workloads',
    ],
    [
      'a word for a list',
      withGuest('contents: zero'),
      '3:13 guest.contents: expected a list of contents',
    ],
    [
      'a word in a list of maps',
      withGuest('contents: [zero]'),
      '3:14 guest.contents[0]: expected a map of keys',
    ],
    [
      'a word for a workload',
      withWorkload('uniform'),
      '4:7 guest.workloads[0]: expected a map of keys',
    ],
    [
      'a word for a trace',
      withTrace('traces/good'),
      '4:32 guest.workloads[0].trace: expected a map of keys',
    ],
    [
      'a word for encodings',
      withMore('migration: { encodings: zero }'),
      '2:25 migration.encodings: expected a list such as [zero]',
    ],
    ['a number for a name', withMore('name: 12'), '2:7 name: expected text, got 12'],
    [
      'a number for a file',
      withTrace('{ file: 3 }'),
      '4:40 guest.workloads[0].trace.file: expected the name of a trace file, got 3',
    ],
    [
      'a word for a flag',
      withMore('migration: { strictRate: yes }'),
      '2:26 migration.strictRate: expected true or false, got "yes"',
    ],
    [
      'a word for whether pages are recorded',
      withMore('migration: { recordPages: all }'),
      '2:27 migration.recordPages: expected true or false, got "all"',
    ],
    ['a word for a number', withMore('seed: abc'), `2:7 seed: ${SEED}, got "abc"`],
    ['a fraction', withMore('seed: 1.5'), `2:7 seed: ${SEED}, got 1.5`],
    ['a number below the range', withMore('seed: -1'), `2:7 seed: ${SEED}, got -1`],
    ['a number without end', withMore('seed: .inf'), `2:7 seed: ${SEED}, got Infinity`],
    [
      'no vCPU',
      withGuest('vcpus: 0'),
      '3:10 guest.vcpus: expected a whole number from 1 to 256, got 0',
    ],
    [
      'too many vCPUs',
      withGuest('vcpus: 257'),
      '3:10 guest.vcpus: expected a whole number from 1 to 256, got 257',
    ],
    [
      'a quoted number',
      withGuest('vcpus: "2"'),
      '3:10 guest.vcpus: expected a whole number from 1 to 256, got "2"',
    ],
    [
      'rounds',
      withMore('migration: { rounds: 0 }'),
      '2:22 migration.rounds: expected a whole number from 1 to 10000, got 0',
    ],
    [
      'a misspelt dirty log',
      withGuest('dirtyLog: bitmp'),
      '3:13 guest.dirtyLog: expected bitmap or bytemap or atomic or ring or none, got "bitmp"',
    ],
    [
      'a misspelt pattern',
      withWorkload('{ pattern: zpif, rate: 1 }'),
      `4:18 guest.workloads[0].pattern: ${PATTERNS}, got "zpif"`,
    ],
    [
      'a misspelt encoding',
      withMore('migration: { encodings: [zero, zeros] }'),
      '2:32 migration.encodings[1]: expected zero or reference or xbzrle or zlib or lz4 or zstd or mecom, got "zeros"',
    ],
    [
      'a misspelt end of a trace',
      withTrace('{ file: traces/good, end: stop }'),
      '4:58 guest.workloads[0].trace.end: expected loop or hold, got "stop"',
    ],
    [
      'a misspelt proof',
      withMore('verify: replays'),
      '2:9 verify: expected replay or full or off, got "replays"',
    ],
    [
      'a size in a unit of rate',
      'guest:\n  memory: 64MB/s\n',
      '2:11 guest.memory: expected a size such as 64MiB, got "64MB/s"',
    ],
    [
      'a size in no known unit',
      'guest: { memory: 64Mib }\n',
      '1:18 guest.memory: expected a size such as 64MiB, got "64Mib"',
    ],
    [
      'no memory',
      'guest: { memory: 0 }\n',
      '1:18 guest.memory: expected a size above 0 such as 64MiB, got 0',
    ],
    [
      'memory below nothing',
      'guest: { memory: -5 }\n',
      '1:18 guest.memory: expected a size such as 64MiB, got -5',
    ],
    [
      'true for a size',
      'guest: { memory: true }\n',
      '1:18 guest.memory: expected a size above 0 such as 64MiB, got true',
    ],
    [
      'nothing for a size',
      'guest:\n  memory:\n',
      '2:10 guest.memory: expected a size above 0 such as 64MiB, got null',
    ],
    [
      'no number for a size',
      'guest: { memory: .nan }\n',
      '1:18 guest.memory: expected a size above 0 such as 64MiB, got NaN',
    ],
    [
      'a rate in a unit of size',
      withMore('link: { bandwidth: 1GiB }'),
      `2:20 link.bandwidth: ${RATE}, got "1GiB"`,
    ],
    [
      'a rate in no known unit',
      withMore('link: { bandwidth: 1Gbps }'),
      `2:20 link.bandwidth: ${RATE}, got "1Gbps"`,
    ],
    [
      'a rate without a unit',
      withMore('link: { bandwidth: 1000000 }'),
      `2:20 link.bandwidth: ${RATE}, got 1000000`,
    ],
    [
      'a rate of nothing',
      withMore('migration: { maxBandwidth: 0MB/s }'),
      `2:28 migration.maxBandwidth: ${RATE}, got "0MB/s"`,
    ],
    [
      'a list for a rate',
      withMore('link: { bandwidth: [1] }'),
      `2:20 link.bandwidth: ${RATE}, got [1]`,
    ],
    [
      'a duration without a unit',
      withMore('link: { latency: 100 }'),
      '2:18 link.latency: expected a duration such as 300ms or 10s, got 100',
    ],
    [
      'a duration in a unit of size',
      withMore('link: { latency: 1MiB }'),
      '2:18 link.latency: expected a duration such as 300ms or 10s, got "1MiB"',
    ],
    [
      'a duration of nothing where there has to be one',
      withMore('migration: { timeout: 0 }'),
      '2:23 migration.timeout: expected a duration above 0 such as 300ms or 10s, got 0',
    ],
    [
      'a map for a duration',
      withMore('migration: { timeout: { s: 1 } }'),
      '2:23 migration.timeout: expected a duration above 0 such as 300ms or 10s, got {"s":1}',
    ],
    [
      'a rate of nothing for a workload',
      withWorkload('{ pattern: uniform, rate: 0 }'),
      `4:33 guest.workloads[0].rate: ${ACCESSES}, got 0`,
    ],
    [
      'a rate with a unit for a workload',
      withWorkload('{ pattern: uniform, rate: 10/s }'),
      `4:33 guest.workloads[0].rate: ${ACCESSES}, got "10/s"`,
    ],
    [
      'a share above 1',
      withWorkload('{ pattern: uniform, rate: 3, writes: 2 }'),
      '4:44 guest.workloads[0].writes: expected a share from 0 to 1, got 2',
    ],
    [
      'a share in percent',
      withGuest('contents:\n    - { kind: text, zeroShare: 10% }'),
      '4:32 guest.contents[0].zeroShare: expected a share from 0 to 1, got "10%"',
    ],
    [
      'theta out of its range',
      withWorkload('{ pattern: zipf, rate: 3, theta: 11 }'),
      '4:40 guest.workloads[0].theta: expected a number from 0 to 10, got 11',
    ],
    [
      'a word for theta',
      withWorkload('{ pattern: zipf, rate: 3, theta: a }'),
      '4:40 guest.workloads[0].theta: expected a number such as 0.99, got "a"',
    ],
    [
      'a trace at no speed',
      withTrace('{ file: traces/good, speed: 0 }'),
      '4:60 guest.workloads[0].trace.speed: expected a factor above 0, got 0',
    ],
  ])('%s', (_, yaml, ...expected) => {
    expect(complaints(yaml)).toEqual(expected);
  });

  it('are all told at once', () => {
    expect(complaints('guest:\n  vcpus: 0\nsede: 1\n')).toEqual([
      '2:3 guest.memory: is missing: expected a size above 0 such as 64MiB',
      '2:10 guest.vcpus: expected a whole number from 1 to 256, got 0',
      '3:1 sede: unknown key: did you mean seed?',
    ]);
  });
});
