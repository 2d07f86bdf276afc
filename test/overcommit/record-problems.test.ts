import { describe, expect, it } from 'vitest';
import { loadHostDocument } from '../../src/fleet/host/load.ts';
import { PAGE_SHARED, PAGE_SWAPPED } from '../../src/memory/kernels/abi.ts';
import type { OvercommittedMemory } from '../../src/overcommit/host.ts';
import type { GuestPages } from '../../src/overcommit/guest-pages.ts';
import { VirtualOvercommittedHost } from '../../src/runtime/virtual/overcommitted-host.ts';
import { ScenarioDocument } from '../../src/scenario/document.ts';

const HOST = `duration: 1s
host: { memory: 256KiB, overhead: 4KiB }
guests:
  - name: guest
    count: 2
    min: 16KiB
    guest: { memory: 64KiB, vcpus: 1, contents: [{ kind: random, seed: 1 }] }
`;

interface Host {
  readonly memory: OvercommittedMemory;
  readonly a: GuestPages;
  readonly b: GuestPages;
}

/** A host that has shared pages 0 and 1 of its guests, and swapped out pages 2 and 3 of guest 0. */
async function settled(): Promise<Host> {
  const { config } = loadHostDocument(new ScenarioDocument('h.yaml', HOST), '.');
  const host = new VirtualOvercommittedHost(config.host);
  await host.settle(config.guests);
  await host.live(0);
  const { memory } = host;
  const [a, b] = host.guests.map(({ resident }) => resident.pages) as [GuestPages, GuestPages];
  for (const gfn of [0, 1]) for (const pages of [a, b]) memory.sharing!.scan(pages, gfn);
  for (const gfn of [2, 3]) memory.paging.reclaim(a, gfn, 0);
  expect(a.shared + b.shared + a.swapped).toBe(6);
  return { memory, a, b };
}

const CORRUPTIONS: [string, (host: Host) => void, string][] = [
  [
    'a machine page that two guests have',
    ({ a, b }) => (a.machinePages[5] = b.machinePages[6]!),
    'page 6 of guest 1 has machine page',
  ],
  [
    'a free machine page that a guest has',
    ({ memory, a }) => memory.machine.giveBack(a.machinePages[5]!),
    'page 5 of guest 0 has machine page',
  ],
  [
    'a machine page that is free twice',
    ({ memory }) => {
      const page = memory.machine.take();
      memory.machine.giveBack(page);
      memory.machine.giveBack(page);
    },
    'is free and free',
  ],
  ['a machine page that is lost', ({ memory }) => memory.machine.take(), 'belongs to nobody'],
  [
    'a machine page that the host does not have',
    ({ a }) => (a.machinePages[5] = 4096),
    'page 5 of guest 0 has machine page 4096 of only 64',
  ],
  [
    'a slot that two pages have',
    ({ a }) => (a.swapSlots[2] = a.swapSlots[3]!),
    'page 3 of guest 0 has slot 2 of the store, as another page has',
  ],
  [
    'a slot that no page has',
    ({ memory, a }) => memory.paging.store.put(a.bytesOf(0)),
    '1 slots of the swap store are in use, but no page has them',
  ],
  [
    'a slot that is free and that a page has',
    ({ memory, a }) => memory.paging.store.drop(a.swapSlots[2]!),
    'page 2 of guest 0 has slot 1 of the store, which is free',
  ],
  [
    'a slot of a page that has come back',
    ({ a }) => (a.swapSlots[5] = a.swapSlots[2]!),
    'page 5 of guest 0 has a machine page and a slot of the swap store',
  ],
  [
    'a gate that lets a guest through to an absent page',
    ({ a }) => void a.gate.unmark(a.memory.slots[0]!, 2, PAGE_SWAPPED),
    'page 2 of guest 0 has none, but its gate lets the guest',
  ],
  [
    'a gate that stops a guest at a page that is there',
    ({ a }) => a.gate.mark(5, 1, PAGE_SWAPPED),
    'page 5 of guest 0 has a machine page, but its gate stops the guest',
  ],
  [
    'a gate that does not stop a write to a shared page',
    ({ a }) => void a.gate.unmark(a.memory.slots[0]!, 1, PAGE_SHARED),
    'page 1 of guest 1 has machine page',
  ],
  [
    'a count of pages',
    ({ a }) => a.allocated++,
    'guest 0 has 14 allocated pages, but its record counts 15',
  ],
  ['a count of swapped pages', ({ a }) => a.swapped--, 'guest 0 has 2 swapped pages'],
  [
    'a count of sharers',
    ({ memory, b }) => {
      const hash = new Int32Array(2);
      b.identify(0, hash);
      const { table } = memory.sharing!;
      table.countSharer(table.frameOf(hash[0]!, hash[1]!, b.machinePages[0]!), 1);
    },
    'but the sharing table has counted 3',
  ],
  [
    'a sharer that was written',
    ({ b }) => (b.bytesOf(1)[9]! ^= 1),
    'page 1 of guest 1 has other contents than the machine page that it shares',
  ],
];

describe("a host's records", () => {
  it('contradict nothing in a host without a mistake', async () => {
    const { memory } = await settled();
    expect(memory.problems()).toEqual([]);
  });

  it.each(CORRUPTIONS)('tell of %s', async (_, corrupt, sentence) => {
    const host = await settled();
    corrupt(host);
    expect(host.memory.problems().join('\n')).toContain(sentence);
  });

  it('tell of many mistakes in few sentences', async () => {
    const { memory, a, b } = await settled();
    for (const pages of [a, b]) for (let gfn = 0; gfn < 16; gfn++) pages.machinePages[gfn] = 9999;
    const problems = memory.problems();
    expect(problems.length).toBeLessThan(50);
    expect(problems.at(-1)).toMatch(/^\d+ more of the host's records are wrong$/);
  });
});
