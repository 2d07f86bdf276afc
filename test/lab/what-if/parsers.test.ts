import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Facts } from '../../../src/lab/what-if/facts.ts';
import { PasteError } from '../../../src/lab/what-if/parsers/parser.ts';
import { parsePaste } from '../../../src/lab/what-if/parsers/registry.ts';

const MIB = 2 ** 20;
const sample = (name: string): string => readFileSync(`fixtures/what-if/${name}`, 'utf8');

/** Returns the tool and the facts of a text that holds one output. */
function only(text: string): { tool: string; facts: Facts; notes: readonly string[] } {
  const findings = parsePaste(text);
  expect(findings).toHaveLength(1);
  return findings[0]!;
}

describe('a pasted output', () => {
  it('of virsh domjobinfo has sizes with units and a dirty rate in pages', () => {
    const { tool, facts } = only(sample('domjobinfo.txt'));
    expect(tool).toBe('virsh domjobinfo');
    expect(facts.memoryBytes).toBe(Math.round(8.009 * 2 ** 30));
    expect(facts.seenBytesPerSecond).toBe(Math.round(111.792 * MIB));
    expect(facts.usedBytes).toBe(facts.memoryBytes! - 742_210 * 4096);
    // The first pass took 47.4 s; the two that were over after it shared the remaining 13.8 s.
    expect(facts.rates).toEqual([
      {
        source: 'migration',
        bytesPerSecond: 21_745 * 4096,
        periodMs: expect.closeTo(6889, -2),
        isPeriodEstimated: true,
      },
    ]);
  });

  it('of virsh domstats has the period, the mode, and memory in KiB', () => {
    expect(only(sample('domstats.txt')).facts).toEqual({
      memoryBytes: 16 * 2 ** 30,
      usedBytes: 11 * 2 ** 30,
      vcpus: 8,
      rates: [
        {
          source: 'dirty-bitmap',
          bytesPerSecond: 214 * MIB,
          periodMs: 1000,
          roundingBytesPerSecond: MIB,
        },
      ],
    });
  });

  it('of query-dirty-rate has each measurement, in the unit of its calc-time', () => {
    const { rates } = only(sample('query-dirty-rate.txt')).facts;
    expect(rates!.map(({ periodMs }) => periodMs)).toEqual([500, 1000, 5000]);
    expect(rates!.map(({ bytesPerSecond }) => bytesPerSecond / MIB)).toEqual([395, 310, 118]);
    // QEMU before 8.2 knows seconds only and does not name them.
    const old = '{"return": {"status": "measured", "dirty-rate": 7, "calc-time": 2}}';
    expect(only(old).facts.rates![0]).toMatchObject({ source: 'page-sampling', periodMs: 2000 });
  });

  it('of query-migrate has the throttle, under which the guest dirtied less', () => {
    const { facts, notes } = only(sample('query-migrate.json'));
    expect(facts.memoryBytes).toBe(34_376_916_992);
    expect(facts.seenBytesPerSecond).toBe(8921.44e6 / 8);
    expect(facts.rates![0]).toMatchObject({ bytesPerSecond: 215_240 * 4096, throttle: 0.4 });
    expect(notes.join(' ')).toContain('throttled by 40 %');
  });

  it('of info migrate is read in the forms of QEMU 10.1, of the releases before, and in KiB', () => {
    const grouped = only(sample('info-migrate.txt')).facts;
    expect(grouped.memoryBytes).toBe(Math.round(4.02 * 2 ** 30));
    expect(grouped.seenBytesPerSecond).toBe(938.03e6 / 8);
    expect(grouped.rates![0]).toMatchObject({ source: 'migration', bytesPerSecond: 14_690 * 4096 });

    const lines = only(sample('info-migrate-10.0.txt')).facts;
    expect(lines.memoryBytes).toBe(1_065_800 * 1024);
    // A migration that is over reports no rate; it sent 44 120 + 279 101 − 266 450 pages again.
    const [rate] = lines.rates!;
    expect(rate!.source).toBe('resent');
    const pages = (rate!.bytesPerSecond * rate!.periodMs) / 1000 / 4096;
    expect(pages).toBeCloseTo(44_120 + 279_101 - 266_450, -1);

    const kib = `Status: active\nTime (ms): total=40504, setup=14, exp_down=300\nRAM info:
  Bandwidth (mbps): 6102.65\n  Sizes (KB): psize=4, total=16777992
    transferred=37673019, remain=2136404,\n  Pages: normal=9394288, zero=600672, rate_per_sec=185875
  Others: dirty_syncs=3, dirty_pages_rate=278378`;
    expect(only(kib).facts).toMatchObject({
      memoryBytes: 16_777_992 * 1024,
      rates: [{ bytesPerSecond: 278_378 * 4096 }],
    });
  });

  it('of info dirty_rate has the vCPUs of the dirty ring', () => {
    expect(only(sample('info-dirty-rate.txt')).facts.rates![0]).toMatchObject({
      source: 'dirty-ring',
      periodMs: 2000,
      vcpuBytesPerSecond: [71 * MIB, 25 * MIB],
    });
  });

  it('may hold the outputs of several tools', () => {
    const both = sample('domstats.txt') + sample('query-migrate.json');
    expect(parsePaste(both).map(({ tool }) => tool)).toEqual([
      'query-migrate',
      'virsh domstats --dirtyrate',
    ]);
  });

  it.each([
    ['', 'is empty: paste'],
    ['total 12\ndrwxr-xr-x', 'is not recognised: paste'],
    ["Start to calculate domain's memory dirty rate successfully.", 'says only that it measures'],
    ['Job type:         None', 'shows no job'],
    ['Job type: Unbounded\nMemory total: eight GiB', 'expected a size such as 4.012 GiB'],
    ['Job type: Unbounded\nMemory total: 8 GiB\nDirty rate: fast', 'expected a number after'],
    ['{"return": {"total-time": 3, "status": "setup"}}', 'shows no memory'],
    ['{"return": {"ram": {"total": "8"}}}', 'expected a number for "total"'],
    ['{"return": {"ram": {', 'begins and does not end'],
    ['{"calc-time": 1, "status": "measuring"}', 'no measurement that is over (status "measuring")'],
    ['{"calc-time": 1, "status": "measured", "dirty-rate": -1}', 'has no dirty-rate'],
    ['{"calc-time": 1, "status": "measured", "dirty-rate": 1, "mode": "x"}', 'expected mode'],
    ["Domain: 'a'\nDomain: 'b'", 'shows several domains'],
    ["Domain: 'a'\n  dirtyrate.calc_status=1", 'not over (dirtyrate.calc_status=1'],
    ["Domain: 'a'\n  state.state=1", 'shows no dirty rate'],
    ['Dirty rate: (not ready)\nPeriod: 1 (sec)', 'has no rate with its period'],
    ['Status: none\nRAM info:', 'shows no migration with its memory'],
  ])('that says nothing is refused: %j', (text, sentence) => {
    expect(() => parsePaste(text)).toThrow(PasteError);
    expect(() => parsePaste(text)).toThrow(sentence);
  });
});
