import { describe, expect, it } from 'vitest';
import { InputError } from '../../src/scenario/input-error.ts';
import { loadScenarioText } from '../../src/scenario/load.ts';

const load = (migration: string, rest = '') =>
  loadScenarioText(
    's',
    `runtime: virtual\nguest: { memory: 64MiB }\nmigration: { ${migration} }\n${rest}`,
  );

function complaint(migration: string, rest?: string): string {
  try {
    load(migration, rest);
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  return '';
}

describe('migration.channels', () => {
  it('is the number of channels for pages; one is the connection itself', () => {
    expect(load('channels: 4').config.migration.channels).toBe(4);
    expect(load('channels: 1').config.migration.channels).toBeUndefined();
    expect(load('').config.migration.channels).toBeUndefined();
    const legacy = load('channels: 2, zeroPageDetection: legacy');
    expect(legacy.config.migration.zeroPageDetection).toBe('legacy');
    expect(load('channels: 2', 'costs: { channelCpus: 3 }').config.costs.channelCpus).toBe(3);
    expect(load('channels: 2').config.costs.channelCpus).toBe(Infinity);
  });

  it.each([
    ['channels: 0', 's:3:24 migration.channels: expected a whole number from 1 to 64, got 0'],
    ['channels: 65', 's:3:24 migration.channels: expected a whole number from 1 to 64, got 65'],
    [
      'channels: 2, algorithm: postcopy',
      's:3:24 migration.channels: has an effect only with pages that are sent before a switch to post-copy, the migration is postcopy: leave it out',
    ],
    [
      'channels: 2, encodings: [zero, xbzrle]',
      's:3:24 migration.channels: does not work with the encoding xbzrle, whose pages have to arrive in order: leave one of them out',
    ],
    [
      'channels: 2, encodings: [reference]',
      's:3:24 migration.channels: does not work with the encoding reference, whose pages have to arrive in order: leave one of them out',
    ],
    [
      'channels: 2, encodings: [zero, zstd]',
      's:3:24 migration.channels: is not built yet with the encoding zstd: leave one of them out',
    ],
    [
      'channels: 2, recordPages: true',
      's:3:24 migration.channels: does not work with recordPages, which follows one channel: leave one of them out',
    ],
    [
      'zeroPageDetection: legacy',
      's:3:33 migration.zeroPageDetection: has an effect only with channels: leave it out, or set channels: 2',
    ],
    [
      'channels: 2, encodings: [], zeroPageDetection: multifd',
      's:3:61 migration.zeroPageDetection: has an effect only with the encoding zero: leave it out, or add zero to encodings',
    ],
    [
      'channels: 2, zeroPageDetection: main',
      's:3:46 migration.zeroPageDetection: expected multifd or legacy, got "main"',
    ],
  ])('refuses what does not work: %s', (migration, message) => {
    expect(complaint(migration)).toBe(message);
  });

  it('refuses pages that travel in parts, and costs that are no number of CPUs', () => {
    expect(
      complaint('channels: 2', 'seed: 1').length +
        complaint('channels: 2', 'costs: { channelCpus: 2 }').length,
    ).toBe(0);
    expect(complaint('channels: 2', 'costs: { channelCpus: 0 }')).toBe(
      's:4:23 costs.channelCpus: expected a whole number from 1 to 64, got 0',
    );
  });
});
