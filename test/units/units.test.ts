import { describe, expect, it } from 'vitest';
import { splitQuantity, UnitError } from '../../src/units/brand.ts';
import { formatDuration, parseAllowance, parseDuration } from '../../src/units/duration.ts';
import { formatBitRate, formatByteRate, parseRate } from '../../src/units/rate.ts';
import { formatSize, parseSize, trimNumber } from '../../src/units/size.ts';

describe('sizes', () => {
  it.each([
    [0, 0],
    ['0', 0],
    [4096, 4096],
    ['4096', 4096],
    ['1B', 1],
    ['1KiB', 1024],
    ['64MiB', 64 * 1024 ** 2],
    ['2GiB', 2 * 1024 ** 3],
    ['1TiB', 1024 ** 4],
    ['1kB', 1000],
    ['1KB', 1000],
    ['1MB', 1e6],
    ['1GB', 1e9],
    ['1TB', 1e12],
    ['1.5KiB', 1536],
    [' 12 MiB ', 12 * 1024 ** 2],
    ['1e3KiB', 1_024_000],
    ['1e10B', 1e10],
  ])('reads %j as %d bytes', (input, bytes) => {
    expect(parseSize(input)).toBe(bytes);
  });

  it('reads every decimal that stands for whole bytes', () => {
    for (let thousandth = 1; thousandth <= 20_000; thousandth++) {
      expect(parseSize(`${(thousandth / 1000).toFixed(3)}MB`)).toBe(thousandth * 1000);
    }
  });

  it.each([
    '',
    'big',
    '64Mib',
    '64mb',
    '64Mbit',
    '64MiB/s',
    '-1MiB',
    '1,5GiB',
    '1_000',
    '9000000TiB',
    '1 2MiB',
    'MiB',
    'constructor',
  ])('refuses %j with a sentence', (input) => {
    expect(() => parseSize(input)).toThrow(
      new UnitError(`expected a size such as 64MiB, got ${JSON.stringify(input)}`),
    );
  });

  it.each([
    ['0.3B', '1'],
    ['0.3MiB', '314572 or 314573'],
    ['1.5B', '1 or 2'],
    [1.5, '1 or 2'],
  ])('names the whole numbers of bytes next to %j', (input, nearest) => {
    expect(() => parseSize(input)).toThrow(
      new UnitError(
        `expected a whole number of bytes, got ${JSON.stringify(input)}: take ${nearest}`,
      ),
    );
  });

  it.each([-1, 1.5, Number.NaN, Infinity, 2 ** 53])('refuses the number %d', (input) => {
    expect(() => parseSize(input)).toThrow(UnitError);
  });

  it.each([
    [0, '0 B'],
    [512, '512 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [1536, '1.5 KiB'],
    [64 * 1024 ** 2, '64 MiB'],
    [1.25 * 1024 ** 3, '1.25 GiB'],
    [12.34 * 1024 ** 3, '12.3 GiB'],
    [123.4 * 1024 ** 4, '123 TiB'],
    [4096 * 1024 ** 4, '4096 TiB'],
  ])('shows %d bytes as %s', (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });
});

describe('rates', () => {
  it.each([
    ['8bit/s', 1],
    ['1kbit/s', 125],
    ['1Kbit/s', 125],
    ['1Mbit/s', 125_000],
    ['1Gbit/s', 125_000_000],
    ['2.5Gbit/s', 312_500_000],
    ['1B/s', 1],
    ['1kB/s', 1000],
    ['1KB/s', 1000],
    ['1MB/s', 1e6],
    ['1GB/s', 1e9],
    ['1KiB/s', 1024],
    ['1MiB/s', 1024 ** 2],
    ['1GiB/s', 1024 ** 3],
    ['100 MB/s', 1e8],
    ['unlimited', Infinity],
  ])('reads %s as %d bytes a second', (input, rate) => {
    expect(parseRate(input)).toBe(rate);
  });

  it.each([
    0,
    '0',
    100,
    '100',
    '0Mbit/s',
    '1Gbps',
    '1Gbit',
    '1Gib/s',
    '1GB',
    '1gbit/s',
    '-1MB/s',
    'fast',
    'Unlimited',
    '1e999MB/s',
    'toString',
  ])('refuses %j with a sentence', (input) => {
    expect(() => parseRate(input)).toThrow(
      new UnitError(
        `expected a rate such as 1Gbit/s or 100MB/s, or unlimited, got ${JSON.stringify(input)}`,
      ),
    );
  });

  it.each([
    [125_000_000, '1 Gbit/s'],
    [12_500, '100 kbit/s'],
    [1, '8 bit/s'],
    [2e6 / 8, '2 Mbit/s'],
    [999.5 / 8, '1 kbit/s'],
    [1.25e12, '10 Tbit/s'],
    [1.25e16, '100000 Tbit/s'],
    [124_990_000, '1 Gbit/s'],
    [Infinity, 'unlimited'],
  ])('shows %d bytes a second in bits as %s', (rate, text) => {
    expect(formatBitRate(rate)).toBe(text);
  });

  it.each([
    [12.3, '12.3 B/s'],
    [2e3, '2 KB/s'],
    [1e6, '1 MB/s'],
    [117_600_000, '118 MB/s'],
    [1.23e9, '1.23 GB/s'],
    [4.5e12, '4.5 TB/s'],
  ])('shows %d bytes a second in bytes as %s', (rate, text) => {
    expect(formatByteRate(rate)).toBe(text);
  });
});

describe('durations', () => {
  it.each([
    [0, 0],
    ['0', 0],
    ['0s', 0],
    ['1ns', 1],
    ['100us', 100_000],
    ['300ms', 300_000_000],
    ['1.5s', 1_500_000_000],
    ['2min', 120_000_000_000],
    // The product of these is a little less than a whole number of nanoseconds.
    ['1.001s', 1_001_000_000],
    ['1.005s', 1_005_000_000],
    ['1h', 3_600_000_000_000],
    ['0.3 ms', 300_000],
  ])('reads %j as %d ns', (input, ns) => {
    expect(parseDuration(input)).toBe(ns);
  });

  it.each([1, '1', '1m', '1sec', '1S', '100µs', '-1s', '', 'soon', '1e300s', 'valueOf'])(
    'refuses %j with a sentence',
    (input) => {
      expect(() => parseDuration(input)).toThrow(
        new UnitError(`expected a duration such as 300ms or 10s, got ${JSON.stringify(input)}`),
      );
    },
  );

  it.each([
    [0, '0 ns'],
    [999, '999 ns'],
    [1e3, '1 us'],
    [1e6, '1 ms'],
    [1e9, '1 s'],
    [85_000, '85 us'],
    [300e6, '300 ms'],
    [1.25e9, '1.25 s'],
    [60e9, '60 s'],
    [120e9, '2 min'],
    [5400e9, '90 min'],
  ])('shows %d ns as %s', (ns, text) => {
    expect(formatDuration(ns)).toBe(text);
  });
});

describe('allowances', () => {
  it('are durations, none or unlimited', () => {
    expect(['none', 'unlimited', '2s', 0].map(parseAllowance)).toEqual([0, Infinity, 2e9, 0]);
  });

  it.each(['soon', 'None', 5, ''])('are not %j', (input) => {
    const got = `got ${JSON.stringify(input)}`;
    expect(() => parseAllowance(input)).toThrow(
      new UnitError(`expected a duration such as 300ms or 10s, none or unlimited, ${got}`),
    );
  });
});

describe('the fastest link', () => {
  it('has 100 Tbit/s, and a faster one is told of', () => {
    expect(parseRate('100000Gbit/s')).toBe(12.5e12);
    expect(() => parseRate('100001Gbit/s')).toThrow(
      new UnitError('"100001Gbit/s" is more than 100000Gbit/s: lower it, or write unlimited'),
    );
  });
});

describe('quantities', () => {
  it('are a number and a suffix', () => {
    expect(splitQuantity('12.5MiB')).toEqual({ value: 12.5, suffix: 'MiB' });
    expect(splitQuantity('7')).toEqual({ value: 7, suffix: '' });
    expect(splitQuantity('1.MiB')).toBeUndefined();
    expect(splitQuantity('.5MiB')).toBeUndefined();
    expect(splitQuantity('0x10')).toBeUndefined();
  });

  it('have at most 100 characters', () => {
    expect(parseSize(`${' '.repeat(96)}1MiB`)).toBe(1024 ** 2);
    expect(splitQuantity(`${' '.repeat(97)}1MiB`)).toBeUndefined();
  });

  it('are refused with an error that has a name of its own', () => {
    expect(new UnitError('it is wrong').name).toBe('UnitError');
  });

  it('lose digits that say nothing', () => {
    expect(trimNumber(1.005)).toBe('1');
    expect(trimNumber(1.239)).toBe('1.24');
    expect(trimNumber(12.34)).toBe('12.3');
    expect(trimNumber(123.4)).toBe('123');
    expect(trimNumber(0)).toBe('0');
  });
});
