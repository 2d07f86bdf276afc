import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { condense, formatCount, formatMs, sparkline } from '../../src/cli/format.ts';
import { fitLine } from '../../src/cli/columns.ts';
import { describe as describeView } from '../../src/cli/live.ts';
import { summary } from '../../src/cli/summary.ts';
import type { RunResult } from '../../src/result/schema.ts';
import type { LiveView } from '../../src/runtime/threads/run.ts';

describe('counts', () => {
  it.each([
    [0, '0'],
    [949.6, '950'],
    [9994, '9994'],
    [12_345, '12.3k'],
    [123_456, '123k'],
    [999_499, '999k'],
    [999_500, '1M'],
    [4_560_000, '4.56M'],
  ])('%d is shown as %s', (value, text) => {
    expect(formatCount(value)).toBe(text);
  });
});

describe('milliseconds', () => {
  it.each([
    [0, '0.00 ms'],
    [0.42, '0.42 ms'],
    [38.14, '38.1 ms'],
    [123.4, '123 ms'],
    [1444, '1.44 s'],
    [60_000, '60.00 s'],
  ])('%d are shown as %s', (value, text) => {
    expect(formatMs(value)).toBe(text);
  });
});

describe('sparkline', () => {
  it('has a character a value, up to the largest', () => {
    expect(sparkline([1, 2, 3, 4, 5, 6, 7, 8])).toBe('▂▃▄▅▆▇██');
    expect(sparkline([7, 7])).toBe('██');
  });

  it('shows a stop as a gap', () => {
    expect(sparkline([100, 0, 0.1, 100])).toBe('█  █');
    expect(sparkline([0, 0])).toBe('  ');
    expect(sparkline([])).toBe('');
  });
});

describe('condense', () => {
  it('keeps what fits', () => {
    expect(condense([1, 2, 3], 3)).toEqual([1, 2, 3]);
    expect(condense([], 4)).toEqual([]);
  });

  it('averages neighbours', () => {
    expect(condense([1, 3, 5, 7], 2)).toEqual([2, 6]);
    // The last of an odd number counts as well.
    expect(condense([0, 0, 0, 0, 0, 0, 12], 2)).toEqual([0, 3]);
  });

  it('uses every value once', () => {
    const values = Array.from({ length: 1000 }, (_, i) => i);
    const narrow = condense(values, 64);
    expect(narrow).toHaveLength(64);
    expect(narrow).toEqual(narrow.toSorted((a, b) => a - b));
    const ones = condense(
      values.map(() => 1),
      64,
    );
    expect(new Set(ones)).toEqual(new Set([1]));
  });
});

const RESULT: RunResult = {
  schema: 'pageferry/run@1',
  version: '0.0.0',
  scenario: {
    name: 'small',
    guest: { vcpus: 2 },
    migration: { algorithm: 'precopy', policy: 'qemu' },
    link: { bandwidth: '1Gbit/s' },
  },
  host: { node: 'v20.0.0', platform: 'linux x64', cpuModel: 'a CPU', cpus: 4, memoryBytes: 1 },
  runtime: 'threads',
  clock: 'CLOCK_MONOTONIC',
  outcome: 'completed',
  prepareMs: 10,
  totalTimeMs: 2000,
  setupTimeMs: 1,
  downtimeMs: 40.5,
  downtimeParts: {
    pauseMs: 0.5,
    lastHarvestMs: 1,
    lastPagesMs: 30,
    stateMs: 5,
    handoverMs: 4,
  },
  blackoutMs: 41.23,
  ram: {
    transferred: 20_971_520,
    precopyBytes: 20_000_000,
    downtimeBytes: 971_520,
    postcopyBytes: 0,
    total: 67_108_864,
    remaining: 0,
    normal: 5000,
    duplicate: 12_000,
    dirtySyncCount: 3,
    pageSize: 4096,
  },
  rounds: [
    {
      index: 1,
      startMs: 1,
      durationMs: 160,
      pages: 16_384,
      zeroPages: 12_000,
      skippedPages: 9,
      bytes: 20_000_000,
      dirtiedPages: 616,
      dirtyPagesPerSecond: 3850,
      bandwidthBytesPerSecond: 125_000_000,
    },
    {
      index: 2,
      stopped: true,
      startMs: 161,
      durationMs: 30,
      pages: 616,
      zeroPages: 0,
      skippedPages: 0,
      bytes: 971_520,
      dirtiedPages: 0,
    },
  ],
  guest: {
    accessesBefore: 1000,
    accessesDuring: 30_000,
    accessesAfter: 5000,
    achievedRate: [15_000, 5000],
    timeline: { periodMs: 500, accessesPerSecond: [20_000, 20_000, 0, 10_000] },
  },
  link: { bytes: 21_000_000 },
  disturbance: { maxLagMs: 2.5, involuntarySwitches: 0, runnableThreads: 4, cpus: 4 },
  verify: {
    kind: 'replay',
    replayedBy: 'twin',
    pagesCompared: 16_384,
    bytesCompared: 67_108_864,
    differingPages: 0,
    readsChecked: 17,
    durationMs: 100,
    ok: true,
  },
};

const lines = (changes: Partial<RunResult> = {}): string[] =>
  stripVTControlCharacters(summary({ ...RESULT, ...changes })).split('\n');

const last = (result: RunResult): string | undefined =>
  stripVTControlCharacters(summary(result)).trimEnd().split('\n').at(-1);

describe('summary', () => {
  it('tells a completed run', () => {
    expect(lines()).toEqual([
      'small: 64 MiB guest, 2 vCPUs, pre-copy, policy qemu, link 1Gbit/s',
      'completed in 2.00 s',
      '',
      'round      start     time  pages   zero  skipped      sent      link  dirtied  dirty rate',
      '1        1.00 ms   160 ms  16384  12000        9  19.1 MiB  1 Gbit/s      616      3850/s',
      'stopped   161 ms  30.0 ms    616      0        0   949 KiB',
      'sent 20 MiB of a 64 MiB guest: 5000 normal and 12000 zero pages, 3 dirty syncs',
      '',
      'downtime 40.5 ms = pause 0.50 ms + last harvest 1.00 ms + last pages 30.0 ms + state ' +
        '5.00 ms + handover 4.00 ms, blackout seen by the guest 41.2 ms',
      'guest speed │██ ▅│ 2.0 s; 20k/s before, 15k/s during',
      'proved: 64 MiB in 16384 pages and 17 reads agree, replayed from the pause by the ' +
        'TypeScript twin',
      '',
    ]);
  });

  it('tells why a run did not complete', () => {
    const { downtimeMs: _, downtimeParts: __, blackoutMs: ___, ...rest } = RESULT;
    const text = stripVTControlCharacters(
      summary({ ...rest, outcome: 'diverged', error: 'not done within 1 s', rounds: [] }),
    );
    expect(text).toContain('diverged in 2.00 s: not done within 1 s\n');
    expect(text).not.toMatch(/downtime|round {2}/);
  });

  it('calls a scenario without a name a run', () => {
    const { name: _, ...scenario } = RESULT.scenario;
    const migration = { algorithm: 'stop-and-copy', policy: 'qemu' };
    expect(lines({ scenario: { ...scenario, migration } })[0]).toBe(
      'run: 64 MiB guest, 2 vCPUs, stop-and-copy, link 1Gbit/s',
    );
  });

  it('shows many rounds from both ends', () => {
    const rounds = Array.from({ length: 40 }, (_, i) => ({ ...RESULT.rounds[0]!, index: i + 1 }));
    const shown = lines({ rounds }).filter((line) => /^\d|more rounds/.test(line));
    expect(shown).toHaveLength(17);
    expect(shown[8]).toBe('… 24 more rounds');
    expect(shown.at(-1)).toMatch(/^40 /);
    const few = lines({ rounds: rounds.slice(0, 16) }).filter((line) => /^\d|more/.test(line));
    expect(few).toHaveLength(16);
  });

  it('tells apart bytes that differ from a state that does', () => {
    const problems = ['the state differs'];
    const verify = { ...RESULT.verify!, ok: false, differingPages: 0, problems };
    const text = lines({ verify }).join('\n');
    expect(text).toContain('THE PROOF FAILED: all bytes agree, but\n  the state differs');
    expect(text).not.toContain('BYTES DIFFER');
  });

  it('shouts when bytes differ', () => {
    const verify = {
      ...RESULT.verify!,
      ok: false,
      differingPages: 2,
      firstDifference: { gfn: 7, offset: 16, expected: 0xab, found: 0 },
      problems: ['stream 1 has read something else'],
    };
    const text = lines({ verify }).join('\n');
    expect(text).toContain(
      'BYTES DIFFER in 2 of 16384 pages; first at gfn 7, byte 16: expected 0xab, found 0x0\n' +
        '  stream 1 has read something else',
    );
    expect(text).not.toContain('proved');
  });

  it('says what was not proved, and why', () => {
    const { verify: _, ...unproved } = RESULT;
    expect(last({ ...RESULT, verify: { kind: 'off' } })).toBe('not proved: verify is off');
    expect(last({ ...unproved, outcome: 'failed' })).toMatch(/^not proved: the run failed/);
    expect(last({ ...unproved, outcome: 'failed', guestLost: true })).toMatch(/the guest is lost$/);
    expect(lines({ ...unproved, outcome: 'failed', guestLost: true })[1]).toMatch(
      /^failed, guest lost/,
    );
  });

  it('tells when a post-copy stood still', () => {
    const pause = { startMs: 100, durationMs: 250, recoverMs: 0.5, resentPages: 7 };
    const tells = (list: RunResult['postcopyPauses']) =>
      lines({ postcopyPauses: list }).find((line) => line.startsWith('postcopy-paused'));
    expect(tells([pause])).toBe(
      'postcopy-paused: once, at 100 ms, for 250 ms in all; 7 pages were lost and sent again',
    );
    expect(tells([pause, { ...pause, startMs: 2000 }])).toBe(
      'postcopy-paused: 2 times, at 100 ms, 2.00 s, for 500 ms in all; 14 pages were lost and sent again',
    );
    expect(tells([{ startMs: 100, durationMs: 250 }])).toBe(
      'postcopy-paused: once, at 100 ms, for 250 ms in all; no new connection came',
    );
    expect(tells([])).toBeUndefined();
  });

  it('tells what the guest has given back', () => {
    const tells = (cacheDroppedPages: number) => {
      const counts = {
        inflatedPages: 300,
        deflatedPages: 20,
        pressureCallbacks: 2,
        cacheMisses: 0,
      };
      const memoryManager = { ...counts, cacheDroppedPages };
      const guest = { ...RESULT.guest, memoryManager };
      const ram = { ...RESULT.ram, released: 256 };
      return lines({ guest, ram }).find((line) => line.startsWith('given back'));
    };
    expect(tells(0)).toBe(
      'given back: 256 pages, 1 MiB, not sent; balloon +300 −20 pages, 2 callbacks of memory pressure',
    );
    expect(tells(7)).toMatch(/pressure, 7 pages of page cache dropped$/);
    expect(lines().some((line) => line.startsWith('given back'))).toBe(false);
  });

  it('warns when threads had to share CPUs', () => {
    const disturbance = { ...RESULT.disturbance!, cpus: 2 };
    expect(lines({ disturbance }).at(-2)).toMatch(
      /^note: 4 runnable threads shared 2 CPUs; .* as long as 2\.50 ms/,
    );
  });
});

describe('live line', () => {
  const VIEW: LiveView = {
    phase: 'migrate',
    figures: { phase: 1, round: 2, pagesLeft: 4096, bytes: 2_000_000, ns: 1.5e9, pastReturn: 0 },
    pages: 16_384,
    accesses: 3000,
    elapsedNs: 1.5e9,
  };
  const line = (changes: Partial<LiveView>, before?: LiveView): string =>
    stripVTControlCharacters(fitLine(describeView({ ...VIEW, ...changes }, before), Infinity));

  it.each([
    ['prepare', /preparing: starting threads/],
    ['before', /running at the source/],
    ['after', /running on/],
    ['verify', /proving every byte/],
  ] as const)('tells %s', (phase, words) => {
    expect(line({ phase })).toMatch(words);
    expect(line({ phase })).toMatch(/^ {2}1\.5 s/);
  });

  it('shows how far a migration is and how fast both sides are', () => {
    const before = {
      ...VIEW,
      accesses: 1000,
      elapsedNs: 1.4e9,
      figures: { ...VIEW.figures, bytes: 750_000 },
    };
    const text = line({}, before);
    expect(text).toContain('█'.repeat(12) + '░'.repeat(4));
    expect(text).toContain('4096 pages left');
    expect(text).toContain('100 Mbit/s');
    expect(text).toMatch(/guest +20k\/s/);
  });
});
