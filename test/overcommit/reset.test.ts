import { describe, expect, it } from 'vitest';
import { loadHostDocument } from '../../src/fleet/host/load.ts';
import { buildHostResult } from '../../src/fleet/host/result.ts';
import type { HostResult } from '../../src/fleet/host/result-schema.ts';
import { runHost } from '../../src/fleet/host/run.ts';
import { ScenarioDocument } from '../../src/scenario/document.ts';

async function run(text: string): Promise<HostResult> {
  const loaded = loadHostDocument(new ScenarioDocument('h.yaml', text), '.');
  return buildHostResult(loaded, await runHost(loaded.config));
}

/** Two guests whose host can keep two thirds of their memory; `keys` are further keys of the first one. */
const pair = (keys: string): string => `duration: 12s
sample: 1s
host:
  memory: 11MiB
  balance: 1s
  sharing: { isOn: false }
  sampling: { pages: 20, period: 1s }
guests:
  - name: web
    ${keys.split(', ').join('\n    ')}
    min: 2MiB
    guest: &guest
      memory: 8MiB
      vcpus: 1
      memoryManager: { kernel: 1MiB }
      contents: [{ kind: random, region: { start: 0, size: 2MiB } }]
      workloads: [{ pattern: uniform, region: { start: 1MiB, size: 2MiB }, rate: 500 }]
  - { name: db, zeroing: 4MB/s, balloon: { boot: 1s }, min: 2MiB, guest: *guest }
`;

const mibAt = (
  result: HostResult,
  key: 'balloonedBytes' | 'swappedBytes',
  second: number,
): number => result.series.guests[0]![key][second]! / 2 ** 20;

describe('a guest that resets', () => {
  it('pops its balloon when it zeroes its memory, and gets another one once its driver is up', async () => {
    const result = await run(pair('zeroing: 4MB/s, resetAt: 6s, balloon: { boot: 2s }'));
    expect(result).toMatchObject({ outcome: 'completed', ok: true, problems: [] });
    expect(mibAt(result, 'balloonedBytes', 5)).toBeGreaterThan(0.5);
    // At second 6 it has reset, and its driver works again from second 8 on.
    expect(mibAt(result, 'balloonedBytes', 6)).toBe(0);
    expect(mibAt(result, 'balloonedBytes', 7)).toBe(0);
    expect(mibAt(result, 'balloonedBytes', 12)).toBeGreaterThan(0.4);
    expect(result.guests[0]!.popped).toBeGreaterThan(20);
    expect(result.guests[0]!.popped! / 256).toBeLessThan(mibAt(result, 'balloonedBytes', 5) + 0.3);
    expect(result.guests[1]!.popped).toBeUndefined();
  });

  it('does nothing else while it zeroes its memory', async () => {
    const slow = await run(pair('zeroing: 1MB/s'));
    expect(slow.ok).toBe(true);
    // 8 MiB take 8.4 of the 12 seconds, and 2.1 s in the other guest.
    const [web, db] = slow.guests;
    expect(web!.accesses / db!.accesses).toBeCloseTo(3.6 / 9.9, 1);
  });
});

describe('a host whose guest has no driver for its balloon', () => {
  it.each([
    ['none at all', 'balloon: { isOn: false }', 0],
    ['one that has not begun to work', 'balloon: { boot: 60s }', 0],
    ['one that is slow', 'balloon: { rate: 20KB/s }', 0.25],
  ])('pages it instead: %s', async (_, keys, mostBallooned) => {
    const result = await run(pair(`populate: all, ${keys}`));
    expect(result.ok).toBe(true);
    expect(mibAt(result, 'balloonedBytes', 12)).toBeLessThanOrEqual(mostBallooned);
    expect(result.host.paging.swappedOut).toBeGreaterThan(100);
    expect(mibAt(result, 'swappedBytes', 12)).toBeGreaterThan(0);
  });
});
