import { describe, expect, it } from 'vitest';
import { memoryOf } from '../../src/memory/guest-memory.ts';
import { gateBytes } from '../../src/memory/gate/page-gate.ts';
import {
  ASK_LEAVE,
  ASK_READ,
  ASK_SURRENDER,
  ASK_WRITE,
  requestBy,
} from '../../src/memory/handshake/host-requests.ts';
import {
  answerOf,
  createHandshake,
  requestGfnOf,
  requestOf,
  requestPagesOf,
} from '../../src/memory/handshake/words.ts';
import { PAGE_SHARED, PAGE_SWAPPED } from '../../src/memory/kernels/abi.ts';
import { openSlot } from '../../src/memory/memslot.ts';
import { GuestPages } from '../../src/overcommit/guest-pages.ts';
import { HostDesk } from '../../src/overcommit/host-desk.ts';
import { smallSlot } from '../support/slots.ts';

const DEVICE_NS = 1000;
const COPY_NS = 10;

const NO_CONTENTS = { contents: [], seed: 1 };

/** A desk of a guest with two vCPUs, none of whose 100 pages has a machine page; 5 is swapped out. */
function open() {
  const slot = openSlot(smallSlot({ index: 0, firstGfn: 0, pages: 100 }));
  const words = new Int32Array(createHandshake(3));
  const pages = new GuestPages(0, memoryOf([slot]), words, NO_CONTENTS, 64, () => undefined);
  pages.swapSlots[5] = 1;
  const faults: string[] = [];
  const desk = new HostDesk(words, 2, {
    pages,
    surrender: (gfn, count) => void faults.push(`surrender ${gfn} + ${count}`),
    faults: {
      sampleNs: 0,
      fault(gfn) {
        faults.push(`fault ${gfn}`);
        pages.map(gfn, 70 + gfn);
        pages.swapSlots[gfn] = -1;
        return DEVICE_NS;
      },
      write(gfn) {
        faults.push(`write ${gfn}`);
        pages.unshare(gfn, 60);
        return COPY_NS;
      },
    },
  });
  const ask = (writer: number, kind: number, gfn = 0, count = 1): void => {
    words[requestGfnOf(writer)] = gfn;
    words[requestPagesOf(writer)] = count;
    words[requestOf(writer)] = kind;
  };
  const isAnswered = (writer: number): boolean => requestBy(words, writer) === undefined;
  return { slot, words, pages, faults, desk, ask, isAnswered, gates: gateBytes(slot) };
}

describe('the desk of a host in real time', () => {
  it('lets whoever wants a page on its way in wait as long as the first who asked', () => {
    const { desk, ask, isAnswered, faults, words, gates } = open();
    ask(1, ASK_READ, 5);
    expect(desk.serve(0)).toBe(DEVICE_NS);
    ask(2, ASK_WRITE, 5);
    expect(desk.serve(DEVICE_NS - 1)).toBe(DEVICE_NS);
    expect([isAnswered(1), isAnswered(2), gates[5]]).toEqual([false, false, PAGE_SWAPPED]);
    expect(desk.serve(DEVICE_NS)).toBe(Infinity);
    expect([isAnswered(1), isAnswered(2), gates[5]]).toEqual([true, true, 0]);
    // Only the one that had it brought in hears that it was swapped out.
    expect([words[answerOf(1)], words[answerOf(2)]]).toEqual([1, 0]);
    expect(faults).toEqual(['fault 5']);
  });

  it('says that a page which was never touched was not swapped out', () => {
    const { desk, ask, isAnswered, words } = open();
    ask(1, ASK_READ, 6);
    desk.serve(0);
    desk.serve(DEVICE_NS);
    expect([isAnswered(1), words[answerOf(1)]]).toEqual([true, 0]);
  });

  it('copies a shared page for a write, and not for a read', () => {
    const { desk, ask, isAnswered, faults, pages, gates } = open();
    pages.map(7, 70);
    pages.release(7);
    pages.share(7, 50);
    ask(1, ASK_READ, 7);
    desk.serve(0);
    expect([isAnswered(1), gates[7], faults]).toEqual([true, PAGE_SHARED, []]);
    ask(1, ASK_WRITE, 7);
    expect(desk.serve(0)).toBe(COPY_NS);
    expect([isAnswered(1), gates[7]]).toEqual([false, 0]);
    desk.serve(COPY_NS);
    expect([isAnswered(1), faults]).toEqual([true, ['write 7']]);
  });

  it('opens no page that has left again before it was there', () => {
    const { desk, ask, isAnswered, pages, gates, faults } = open();
    ask(1, ASK_READ, 5);
    desk.serve(0);
    pages.unmap(5);
    expect(desk.serve(DEVICE_NS)).toBe(2 * DEVICE_NS);
    expect([isAnswered(1), gates[5]]).toEqual([false, PAGE_SWAPPED]);
    desk.serve(2 * DEVICE_NS);
    expect([isAnswered(1), gates[5]]).toEqual([true, 0]);
    expect(faults).toEqual(['fault 5', 'fault 5']);
  });

  it('takes surrendered pages at once, and lets vCPUs leave together', () => {
    const { desk, ask, isAnswered, faults } = open();
    ask(1, ASK_SURRENDER, 20, 3);
    ask(2, ASK_LEAVE);
    desk.serve(0);
    expect([isAnswered(1), isAnswered(2), faults]).toEqual([true, false, ['surrender 20 + 3']]);
    expect(desk.haveAllLeft()).toBe(false);
    ask(1, ASK_LEAVE);
    expect(desk.haveAllLeft()).toBe(true);
    desk.dismiss();
    expect([isAnswered(1), isAnswered(2)]).toEqual([true, true]);
  });
});
