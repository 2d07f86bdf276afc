import { describe, expect, it } from 'vitest';
import { memoryOf } from '../../src/memory/guest-memory.ts';
import { gateBytes } from '../../src/memory/gate/page-gate.ts';
import { createHandshake } from '../../src/memory/handshake/words.ts';
import { PAGE_PROTECTED, PAGE_SHARED, PAGE_SWAPPED } from '../../src/memory/kernels/abi.ts';
import { openSlot } from '../../src/memory/memslot.ts';
import { PageStore } from '../../src/memory/page-store.ts';
import { GuestPages } from '../../src/overcommit/guest-pages.ts';
import { MachineMemory } from '../../src/overcommit/machine-memory.ts';
import { PageSharing } from '../../src/overcommit/page-sharing.ts';
import { Paging } from '../../src/overcommit/paging.ts';
import { SwapDevice } from '../../src/overcommit/swap-device.ts';
import { smallSlot } from '../support/slots.ts';

const NO_CONTENTS = { contents: [], seed: 1 };

/** Two guests that run while their host acts; each calls its `late` when the host waits for its vCPUs. */
function open() {
  const machine = new MachineMemory(1000);
  const guests = [0, 1].map((guest) => {
    const slot = openSlot(smallSlot({ index: 0, firstGfn: 0, pages: 100 }));
    const one = { late: (): void => undefined, gates: gateBytes(slot) };
    const words = new Int32Array(createHandshake(2));
    const pages = new GuestPages(guest, memoryOf([slot]), words, NO_CONTENTS, 64, () => one.late());
    for (let gfn = 0; gfn < 100; gfn++) {
      pages.map(gfn, machine.take());
      pages.release(gfn);
      pages.bytesOf(gfn).fill(1 + gfn);
    }
    return Object.assign(one, { pages });
  });
  const all = guests.map(({ pages }) => pages);
  const sharing = new PageSharing(machine, all, all[0]!.memory.pageSize);
  const store = new PageStore(all[0]!.memory.pageSize);
  const device = new SwapDevice({ latencyNs: 0, bytesPerSecond: 1e9 });
  const paging = new Paging({ machine, sharing, store, device });
  const scan = (pages: GuestPages, gfn: number): string => {
    pages.hold(gfn, PAGE_PROTECTED);
    pages.settle();
    const outcome = sharing.scan(pages, gfn);
    pages.release(gfn);
    return outcome;
  };
  return { near: guests[0]!, far: guests[1]!, all, sharing, paging, scan };
}

describe('guests that run while their host acts', () => {
  it('share equal pages, whose writes alone are stopped from then on', () => {
    const { near, far, scan } = open();
    expect(scan(far.pages, 5)).toBe('alone');
    expect(scan(near.pages, 5)).toBe('shared');
    expect([near.gates[5], far.gates[5]]).toEqual([PAGE_SHARED, PAGE_SHARED]);
  });

  it('do not share a page into which a vCPU stores just before it hears of the hold', () => {
    const { near, far, scan, sharing } = open();
    expect(scan(far.pages, 5)).toBe('alone');
    far.late = () => void (far.pages.bytesOf(5)[9] = 77);
    expect(scan(near.pages, 5)).toBe('alone');
    expect([near.gates[5], far.gates[5]]).toEqual([0, 0]);
    expect(sharing.counts.shared).toBe(0);
  });

  it('keep the bytes of a shared page until none of them may read it', () => {
    const { near, far, scan, paging, all } = open();
    scan(far.pages, 5);
    scan(near.pages, 5);
    const seen: number[] = [];
    for (const { pages, gates } of [near, far]) {
      const guest = pages === near.pages ? near : far;
      guest.late = () => void seen.push(gates[5]! & PAGE_SWAPPED, pages.bytesOf(5)[9]!);
    }
    expect(paging.reclaimShared(all, near.pages.machinePages[5]!, 0)).toBe(true);
    expect(seen).toEqual([PAGE_SWAPPED, 6, PAGE_SWAPPED, 6]);
    expect([near.gates[5], far.gates[5]]).toEqual([PAGE_SWAPPED, PAGE_SWAPPED]);
  });

  it('may not be held off a page twice, or off one that is absent or shared', () => {
    const { near, far, scan } = open();
    scan(far.pages, 5);
    scan(near.pages, 5);
    expect(near.pages.hold(5, PAGE_SWAPPED)).toBe(false);
    expect(near.pages.hold(6, PAGE_PROTECTED)).toBe(true);
    expect(near.pages.hold(6, PAGE_SWAPPED)).toBe(false);
    near.pages.release(6);
    expect(near.pages.hold(6, PAGE_SWAPPED)).toBe(true);
    near.pages.unmap(6);
    near.pages.release(6);
    expect(near.pages.hold(6, PAGE_SWAPPED)).toBe(false);
    expect(near.gates[6]).toBe(PAGE_SWAPPED);
  });
});
