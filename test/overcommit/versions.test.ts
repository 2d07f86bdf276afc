import { describe, expect, it } from 'vitest';
import { loadHostDocument } from '../../src/fleet/host/load.ts';
import { buildHostResult } from '../../src/fleet/host/result.ts';
import type { HostResult } from '../../src/fleet/host/result-schema.ts';
import { runHost } from '../../src/fleet/host/run.ts';
import { FILLED_VERSION } from '../../src/memory/contents/contents.ts';
import { GuestPages } from '../../src/overcommit/guest-pages.ts';
import { MachineMemory } from '../../src/overcommit/machine-memory.ts';
import { CONTENTS_BYTES } from '../../src/overcommit/page-contents.ts';
import { PageSharing } from '../../src/overcommit/page-sharing.ts';
import { createHandshake } from '../../src/memory/handshake/words.ts';
import { memoryOf } from '../../src/memory/guest-memory.ts';
import { createSlot, openSlot } from '../../src/memory/memslot.ts';
import { ScenarioDocument } from '../../src/scenario/document.ts';

const GUESTS = 3;

/**
 * Guests with contents of all kinds, some equal in all of them and some not, that write, balloon and are paged. They live
 * too short for the table of hints to become full: which hint gives way then depends on hashes, which are others.
 */
const MIXTURE = (backing: string): string => `duration: 1300ms
sample: 100ms
host:
  memory: 4MiB
  sharing: { guestRate: 2000, rate: 6000 }
  swap: { latency: 1ms, bandwidth: 20MB/s }
  sampling: { period: 200ms }
  balance: 200ms
guests:
  - name: guest
    count: ${GUESTS}
    min: 256KiB
    balloon: { rate: 1MB/s, poll: 100ms }
    guest:
      memory: 3MiB
      backing: ${backing}
      vcpus: 1
      contents:
        - { kind: random, seed: 5, zeroShare: 0.3, region: { start: 0, size: 512KiB } }
        - { kind: duplicate, region: { start: 512KiB, size: 512KiB } }
        - { kind: mixed, seed: 6, region: { start: 1MiB, size: 512KiB } }
        - { kind: text, seed: 7, region: { start: 1536KiB, size: 256KiB } }
        - { kind: random, region: { start: 1792KiB, size: 256KiB } }
      memoryManager: { kernel: 64KiB, cache: [{ start: 2816KiB, size: 256KiB }] }
      workloads:
        - { pattern: uniform, rate: 400, writes: 0.5, region: { start: 256KiB, size: 1MiB } }
        - { pattern: sequential, rate: 100, writes: 0, region: { start: 1600KiB, size: 1MiB } }
`;

async function resultOf(backing: string): Promise<HostResult> {
  const document = new ScenarioDocument('h.yaml', MIXTURE(backing));
  const loaded = loadHostDocument(document, '.');
  return buildHostResult(loaded, await runHost(loaded.config));
}

describe('a host whose guests have versions in place of bytes', () => {
  it('does all that a host with bytes does at the same times, and shares the same pages', async () => {
    const [bytes, versions] = [await resultOf('bytes'), await resultOf('versions')];
    const { sharing, paging } = bytes.host;
    expect(bytes.ok && versions.ok).toBe(true);
    // Otherwise the two would agree about nothing.
    expect(sharing!.shared).toBeGreaterThan(300);
    expect(sharing!.copied + sharing!.takenOver).toBeGreaterThan(60);
    expect(sharing!.staleHints).toBeGreaterThan(100);
    expect(paging.swappedIn).toBeGreaterThan(20);
    expect(Math.max(...bytes.series.guests[0]!.balloonedBytes.map(Number))).toBeGreaterThan(0);
    const plain = ({ guests, host, series, problems }: HostResult) => ({
      // Their proofs compare other numbers of bytes.
      guests: guests.map((guest) => ({ ...guest, verify: undefined })),
      host,
      series,
      problems,
    });
    expect(plain(versions)).toEqual(plain(bytes));
  });
});

/** Two guests of eight pages each, with versions, whose contents are random from one seed or from two. */
function pair(seeds: readonly [number, number]) {
  const shape = { pages: 8, pageSize: 4096, writers: 2, streams: 0, tableBytes: 0, skewPages: 0 };
  const machine = new MachineMemory(16);
  const guests = seeds.map((seed, guest) => {
    const memory = memoryOf([openSlot(createSlot({ ...shape, backing: 'versions' }))]);
    const contents = [{ firstGfn: 0, pages: 8, kind: 'random' as const, zeroShare: 0 }];
    const words = new Int32Array(createHandshake(2));
    const pages = new GuestPages(guest, memory, words, { contents, seed });
    for (let gfn = 0; gfn < 8; gfn++) pages.map(gfn, machine.take());
    const versions = new Uint32Array(memory.slots[0]!.ram.buffer, memory.slots[0]!.ram.byteOffset);
    return { pages, versions: versions.subarray(0, 8).fill(FILLED_VERSION) };
  });
  const [a, b] = [guests[0]!, guests[1]!];
  const sharing = new PageSharing(machine, [a.pages, b.pages], CONTENTS_BYTES);
  const areEqual = (gfn: number, other = gfn): boolean => {
    sharing.scan(a.pages, gfn);
    return sharing.scan(b.pages, other) === 'shared';
  };
  return { a, b, areEqual };
}

describe('pages of which only versions are kept', () => {
  it('are equal while both hold what was made from the same recipe', () => {
    const { areEqual } = pair([1, 1]);
    expect(areEqual(0)).toBe(true);
    expect(areEqual(1, 2)).toBe(false);
    expect(pair([1, 2]).areEqual(0)).toBe(false);
  });

  it('are equal when both are zero, whatever they held', () => {
    const { a, b, areEqual } = pair([1, 2]);
    a.versions[3] = b.versions[5] = 0;
    expect(areEqual(3, 5)).toBe(true);
  });

  it('are equal to no other once they are written, even as often as another', () => {
    const { a, b, areEqual } = pair([1, 1]);
    for (const of of [a, b]) {
      of.versions[0]!++;
      of.versions[1] = 0;
      // A page that was zeroed and written again does not hold what it was filled with.
      of.versions[1]++;
    }
    expect(areEqual(0)).toBe(false);
    expect(areEqual(1)).toBe(false);
  });
});
