import { expect, it } from 'vitest';
import { InputError } from '../../src/scenario/input-error.ts';
import { loadScenarioText } from '../../src/scenario/load.ts';

const load = (text: string) => loadScenarioText('s', `guest: { memory: 64MiB }\n${text}`);

function complaint(text: string): string {
  try {
    load(text);
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  return '';
}

it('takes the keys of buffers and channels', () => {
  const { config } = load(
    'link: { sendBuffer: 13MB }\nmigration: { algorithm: hybrid, postcopyPreempt: true, postcopyBreakHuge: false, postcopyPoll: 50ms }\ncosts: { faultHandler: 70us }',
  );
  expect(config.link.sendBufferBytes).toBe(13e6);
  expect(config.migration).toMatchObject({ preempt: true, breakHuge: false, postcopyPollNs: 50e6 });
  expect(config.costs.faultHandlerNs).toBe(70_000);
});

it.each([
  [
    'link: { bandwidth: unlimited, sendBuffer: 1MB }',
    's:2:43 link.sendBuffer: has an effect only with a limit of the bandwidth, as nothing waits for a link without one: leave it out, or set a bandwidth',
  ],
  [
    'link: { sendBuffer: fast }',
    's:2:21 link.sendBuffer: expected a size such as 64MiB, got "fast"',
  ],
  [
    'link: { sendBuffer: 1GB }',
    's:2:21 link.sendBuffer: is too large for runtime threads, where at most 256 MiB may be under way: lower it, or set runtime: virtual',
  ],
  [
    'migration: { algorithm: postcopy, postcopyBreakHuge: false }',
    's:2:54 migration.postcopyBreakHuge: has an effect only with postcopyPreempt, which is off: leave it out, or set postcopyPreempt: true',
  ],
  [
    'migration: { algorithm: postcopy, postcopyPoll: 1s }',
    's:2:49 migration.postcopyPoll: has an effect only with hybrid, the migration is postcopy: leave it out',
  ],
  [
    'migration: { algorithm: hybrid, policy: rounds, postcopyPoll: 1s }',
    's:2:63 migration.postcopyPoll: has an effect only with policy qemu, whose post-copy another program asks for: leave it out',
  ],
  [
    'costs: { faultHandler: 70 }',
    's:2:24 costs.faultHandler: expected a duration such as 300ms or 10s, got 70',
  ],
])('refuses what has no effect: %s', (text, message) => {
  expect(complaint(text)).toBe(message);
});

it('takes pages of 1 GiB, of which memory and regions are whole multiples', () => {
  expect(complaint('seed: 1').length).toBe(0);
  const text = 'guest: { memory: 4GiB, pageSize: 1GiB, backing: versions }\nruntime: virtual';
  expect(loadScenarioText('s', text).config.guest.pageSize).toBe(2 ** 30);
  expect(() => loadScenarioText('s', text.replace('4GiB', '1536MiB'))).toThrow(
    '1:18 guest.memory: "1536MiB" is no multiple of the page size, 1 GiB: take 1GiB or 2GiB',
  );
});
