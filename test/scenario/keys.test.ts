import { describe, expect, it } from 'vitest';
import {
  scenarioFolder,
  ACCESSES,
  KINDS,
  PATTERNS,
  TOP_KEYS,
  type Row,
  withGuest,
  withMore,
  withTrace,
  withWorkload,
} from '../support/scenarios.ts';

const { complaints } = scenarioFolder();

describe('unknown keys', () => {
  it.each<Row>([
    ['at the top', withMore('sede: 3'), '2:1 sede: unknown key: did you mean seed?'],
    ['far from any other', withMore('abcdefgh: 3'), `2:1 abcdefgh: unknown key: ${TOP_KEYS}`],
    ['of the guest', withGuest('vcpu: 3'), '3:3 guest.vcpu: unknown key: did you mean vcpus?'],
    [
      'of the link',
      withMore('link: { latency: 1ms, bandwith: 1Gbit/s }'),
      '2:23 link.bandwith: unknown key: did you mean bandwidth?',
    ],
    [
      'in other letters',
      withMore('migration:\n  downtimelimit: 3ms'),
      '3:3 migration.downtimelimit: unknown key: did you mean downtimeLimit?',
    ],
    [
      'of contents',
      withGuest('contents:\n    - { kind: text, zeroshare: 1 }'),
      '4:21 guest.contents[0].zeroshare: unknown key: did you mean zeroShare?',
    ],
    [
      'of a region',
      withWorkload('{ pattern: uniform, rate: 1, region: { strat: 0, size: 4KiB } }'),
      '4:46 guest.workloads[0].region.strat: unknown key: did you mean start?',
    ],
    [
      'of a workload, known by its pattern',
      withWorkload('{ pattern: zipf, rate: 10, thetta: 1 }'),
      '4:34 guest.workloads[0].thetta: unknown key: did you mean theta?',
    ],
    [
      'of another pattern',
      withWorkload('{ pattern: uniform, rate: 10, theta: 1 }'),
      '4:37 guest.workloads[0].theta: unknown key: expected one of pattern, region, vcpu, ' +
        'wordsPerPage, from, until, frees, rate, writes, tick, catchUp',
    ],
    [
      'of a trace',
      withTrace('{ file: traces/good, sped: 2 }'),
      '4:53 guest.workloads[0].trace.sped: unknown key: did you mean speed?',
    ],
    [
      'of a trace, which has a pace of its own',
      withWorkload('{ pattern: trace, trace: { file: traces/good }, tick: 1ms, theta: 1 }'),
      '4:55 guest.workloads[0].tick: a trace has its own pace and its own writes: leave it out',
      expect.stringMatching(
        /^4:66 guest\.workloads\[0\]\.theta: unknown key: expected one of pattern, /,
      ),
    ],
    [
      'of a pattern whose writes are its own',
      withWorkload('{ pattern: quicksort, rate: 3, writes: 1 }'),
      expect.stringMatching(
        /^4:38 guest\.workloads\[0\]\.writes: unknown key: expected one of pattern, /,
      ),
    ],
    [
      'of contents that look like a trace',
      withGuest('contents: [{ kind: text, pattern: trace, tick: 1ms }]'),
      '3:28 guest.contents[0].pattern: unknown key: expected one of kind, region, zeroShare, seed',
      '3:44 guest.contents[0].tick: unknown key: expected one of kind, region, zeroShare, seed',
    ],
    ['that are numbers', withMore('3: 4'), `2:1 3: unknown key: ${TOP_KEYS}`],
    [
      'named as a prototype is',
      withMore('__proto__: 4'),
      `2:1 __proto__: unknown key: ${TOP_KEYS}`,
    ],
    [
      'repeated by an alias, at the alias',
      'guest: &it { memory: 64MiB }\nlink: *it\n',
      '2:7 link.memory: unknown key: expected one of bandwidth, latency, integrity, sendBuffer, outages',
    ],
    [
      'after a byte order mark and with Windows line ends',
      '\uFEFFguest:\r\n  memory: 64MiB\r\n  vcpu: 3\r\n',
      '3:3 guest.vcpu: unknown key: did you mean vcpus?',
    ],
  ])('%s', (_, yaml, ...expected) => {
    expect(complaints(yaml)).toEqual(expected);
  });
});

describe('missing keys', () => {
  it.each<Row>([
    ['the guest', 'seed: 2\n', '1:1 guest: is missing: expected a map of keys'],
    ['everything', '', '1:1 guest: is missing: expected a map of keys'],
    ['everything but a comment', '# to be done\n', '1:1 guest: is missing: expected a map of keys'],
    [
      'its memory',
      'guest:\n  vcpus: 2\n',
      '2:3 guest.memory: is missing: expected a size above 0 such as 64MiB',
    ],
    [
      "a workload's pattern",
      withWorkload('{ rate: 10 }'),
      `4:7 guest.workloads[0].pattern: is missing: ${PATTERNS}`,
    ],
    [
      "a workload's rate",
      withWorkload('{ pattern: uniform }'),
      `4:7 guest.workloads[0].rate: is missing: ${ACCESSES}`,
    ],
    [
      'a stride',
      withWorkload('{ pattern: stride, rate: 3 }'),
      '4:7 guest.workloads[0].stride: is missing: expected a size above 0 such as 64MiB',
    ],
    [
      'the shares of a hot spot',
      withWorkload('{ pattern: hotspot, rate: 3 }'),
      '4:7 guest.workloads[0].hotPages: is missing: expected a share from 0 to 1',
      '4:7 guest.workloads[0].hotAccesses: is missing: expected a share from 0 to 1',
    ],
    [
      'the trace',
      withWorkload('{ pattern: trace }'),
      '4:7 guest.workloads[0].trace: is missing: expected a map of keys',
    ],
    [
      "the trace's file",
      withTrace('{ speed: 1 }'),
      '4:32 guest.workloads[0].trace.file: is missing: expected the name of a trace file',
    ],
    [
      "a region's size",
      withWorkload('{ pattern: uniform, rate: 3, region: { start: 0 } }'),
      '4:44 guest.workloads[0].region.size: is missing: expected a size above 0 such as 64MiB',
    ],
    [
      'the kind of contents',
      withGuest('contents:\n    - { zeroShare: 1 }'),
      `4:7 guest.contents[0].kind: is missing: ${KINDS}`,
    ],
  ])('%s', (_, yaml, ...expected) => {
    expect(complaints(yaml)).toEqual(expected);
  });
});
