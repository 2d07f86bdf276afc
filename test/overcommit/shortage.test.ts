import { describe, expect, it } from 'vitest';
import { loadHostDocument } from '../../src/fleet/host/load.ts';
import { buildHostResult } from '../../src/fleet/host/result.ts';
import type { HostResult } from '../../src/fleet/host/result-schema.ts';
import { runHost } from '../../src/fleet/host/run.ts';
import { VirtualOvercommittedHost } from '../../src/runtime/virtual/overcommitted-host.ts';
import { ScenarioDocument } from '../../src/scenario/document.ts';

const load = (text: string) => loadHostDocument(new ScenarioDocument('h.yaml', text), '.');

async function run(text: string): Promise<HostResult> {
  const loaded = load(text);
  return buildHostResult(loaded, await runHost(loaded.config));
}

const RANDOM = 'contents: [{ kind: random }]';

describe('a host whose memory is used up', () => {
  it('pages when the minima are all that it has, though the store has then no slot to spare', async () => {
    const result = await run(`duration: 2s
host: { memory: 2MiB, sharing: { isOn: false } }
guests:
  - name: web
    count: 2
    guest: { memory: 2MiB, vcpus: 1, ${RANDOM}, workloads: [{ pattern: uniform, rate: 2000 }] }
`);
    expect(result).toMatchObject({ outcome: 'completed', ok: true });
    expect(result.host.paging.swappedIn).toBeGreaterThan(10);
  });

  it('takes nothing of what is guaranteed to a guest, even when another one starts', async () => {
    const { series, ok } = await run(`duration: 4s
sample: 100ms
host: { memory: 4MiB, sharing: { isOn: false } }
guests:
  - { name: safe, min: 2MiB, guest: { memory: 2MiB, vcpus: 1, ${RANDOM} } }
  - { name: late, min: 1MiB, start: 2s, guest: { memory: 4MiB, vcpus: 1, ${RANDOM} } }
`);
    expect(ok).toBe(true);
    expect(Math.max(...series.guests[0]!.swappedBytes.map((bytes) => bytes ?? 0))).toBe(0);
    expect(Math.max(...series.guests[1]!.swappedBytes.map((bytes) => bytes ?? 0))).toBeGreaterThan(
      0,
    );
  });

  it('pages out what is shared when it has nothing else', async () => {
    const result = await run(`duration: 40s
host:
  memory: 1MiB
  sharing: { guestRate: 100000, rate: 1000000 }
  swap: { bandwidth: 5GB/s, latency: 1us }
guests:
  - name: web
    count: 2
    min: 64KiB
    guest:
      memory: 2MiB
      vcpus: 1
      contents: [{ kind: random, seed: 1 }]
      workloads: [{ pattern: uniform, rate: 2000, writes: 0 }]
`);
    expect(result).toMatchObject({ outcome: 'completed', ok: true });
    // Once nearly all that is in memory is shared, guests would stand still for good if that could not be paged out.
    for (const guest of result.guests) expect(guest.accessesPerSecond).toBeGreaterThan(500);
  });
});

describe('double paging', () => {
  it('does not count a page that the host never had to swap out', async () => {
    const { config } = load(`duration: 1s
host: { memory: 4MiB }
guests: [{ name: web, guest: { memory: 4MiB, vcpus: 1 } }]
`);
    const host = new VirtualOvercommittedHost(config.host);
    await host.settle(config.guests);
    await host.live(0);
    const { resident } = host.guests[0]!;
    const [slot] = resident.pages.memory.slots;
    const balloon = host.memory.balloonHostOf(resident);
    expect(resident.pages.isResident(7)).toBe(false);
    expect(balloon.fetch(slot!, 7).isSwapped).toBe(false);
    expect(resident.pages.isResident(7)).toBe(true);
    resident.pages.bytesOf(7)[0] = 1;
    host.memory.paging.reclaim(resident.pages, 7, 0);
    expect(balloon.fetch(slot!, 7).isSwapped).toBe(true);
  });
});
