import { describe, expect, it } from 'vitest';
import { memoryOf } from '../../src/memory/guest-memory.ts';
import {
  createHandshake,
  GATE,
  GATE_PROTECTION,
  wantedOf,
} from '../../src/memory/handshake/words.ts';
import {
  PAGE_ABSENT,
  PAGE_BUFFERED,
  PAGE_PRESENT,
  PAGE_PROTECTED,
} from '../../src/memory/kernels/abi.ts';
import { openSlot } from '../../src/memory/memslot.ts';
import { accessListAt } from '../../src/memory/layout.ts';
import { gateBytes, PageGate } from '../../src/memory/gate/page-gate.ts';
import { PresenceMap } from '../../src/memory/presence/presence-map.ts';
import { faultSteps } from '../../src/memory/presence/steps.ts';
import { explore } from '../support/interleave/explore.ts';
import type { Edit } from '../support/interleave/program.ts';
import { smallSlot } from '../support/slots.ts';
import { type FaultOptions, faultWorld, openFaultProgram } from '../support/worlds/fault-world.ts';

const MAP = 'memory/presence/presence-map.ts';
const WAITER = 'memory/presence/page-waiter.ts';
const PUBLISH =
  '    faultSteps.publish(this.#maps[slot.layout.index]!, page, this.#arrivalState);\n';

describe('a demand fault, every interleaving of it', () => {
  it.each<FaultOptions>([
    { vcpus: 1, page: 'pushed' },
    { vcpus: 2, page: 'pushed' },
    { vcpus: 1, page: 'pushed', losesFirst: true },
    { vcpus: 1, page: 'requested' },
    { vcpus: 2, page: 'stopped' },
  ])('no wake-up is lost, no byte too early, no write overwritten: %o', async (options) => {
    const program = await openFaultProgram();
    const { states, violation } = explore(() => faultWorld(program, options));
    expect(violation).toBeUndefined();
    expect(states).toBeGreaterThan(20);
    console.log(`${JSON.stringify(options)}: ${states} states`);
  });

  it.each<[string, RegExp, Partial<FaultOptions>, Edit[]]>([
    [
      'a page is published before its bytes',
      /bytes are not there|write of vCPU 0 was lost/,
      { publishesEarly: true },
      [],
    ],
    [
      'a page that is given up counts as present',
      /bytes are not there|write of vCPU 0 was lost/,
      { losesFirst: true },
      [
        {
          file: 'memory/presence/steps.ts',
          from: 'void exchange(gates, page, PAGE_INSTALLING, PAGE_ABSENT)',
          to: 'void exchange(gates, page, PAGE_INSTALLING, PAGE_PRESENT)',
        },
      ],
    ],
    [
      'a page that is given up stays claimed',
      /sleeps for ever/,
      { losesFirst: true },
      [
        {
          file: MAP,
          from: '    faultSteps.abandon(this.#maps[slot.layout.index]!, page);\n',
          to: '',
        },
      ],
    ],
    [
      'a page is published after the wanted words were looked at',
      /sleeps for ever/,
      {},
      [
        { file: MAP, from: PUBLISH, to: '' },
        {
          file: MAP,
          from: 'Atomics.notify(this.#words, wantedOf(writer));\n      }\n    }\n',
          to: `Atomics.notify(this.#words, wantedOf(writer));\n      }\n    }\n${PUBLISH}`,
        },
      ],
    ],
    [
      'presence is looked at before the page is wanted',
      /sleeps for ever/,
      {},
      [
        {
          file: WAITER,
          from: '    faultSteps.want(words, writer, gfn);\n    if (faultSteps.isPresent(this.#maps[slot.layout.index]!, page)) {',
          to: `    const isThere = faultSteps.isPresent(this.#maps[slot.layout.index]!, page);
    faultSteps.want(words, writer, gfn);
    if (isThere) {`,
        },
      ],
    ],
    [
      'a page is installed without a claim',
      /write of vCPU 0 was lost/,
      {},
      [
        {
          file: MAP,
          from: 'return faultSteps.claim(this.#maps[slot.layout.index]!, page);',
          to: 'faultSteps.claim(this.#maps[slot.layout.index]!, page);\n    return true;',
        },
      ],
    ],
    [
      'a page is granted without waking its vCPU',
      /sleeps for ever/,
      {},
      [{ file: MAP, from: 'Atomics.notify(this.#words, wantedOf(writer));', to: '' }],
    ],
    [
      'a vCPU compares what it waits for before it says that it sleeps',
      /sleeps for ever/,
      {},
      [
        { file: WAITER, from: '    faultSteps.sleep(words, writer, true);\n', to: '' },
        {
          file: WAITER,
          from: '    if (isRunning && !handshake.isStopped()) return',
          to: '    faultSteps.sleep(words, writer, true);\n    if (isRunning && !handshake.isStopped()) return',
        },
      ],
    ],
    [
      'the installer looks who sleeps before it grants the page',
      /sleeps for ever/,
      {},
      [
        {
          file: MAP,
          from: '      const isGranted =',
          to: '      const isAsleep = faultSteps.isAsleep(this.#words, writer);\n      const isGranted =',
        },
        {
          file: MAP,
          from: 'isGranted && faultSteps.isAsleep(this.#words, writer)',
          to: 'isGranted && isAsleep',
        },
      ],
    ],
    [
      'a vCPU that waits for its page is not told to end',
      /sleeps for ever/,
      { page: 'stopped' },
      [
        {
          file: 'memory/handshake/engine.ts',
          from: 'Atomics.store(this.#words, wantedOf(writer), 0);',
          to: '',
        },
      ],
    ],
    [
      'a vCPU that waits for its page is told to end and not woken',
      /sleeps for ever/,
      { page: 'stopped' },
      [
        {
          file: 'memory/handshake/engine.ts',
          from: 'wantedOf(writer), 0);\n      Atomics.notify(this.#words, wantedOf(writer));',
          to: 'wantedOf(writer), 0);',
        },
      ],
    ],
    [
      'a vCPU looks whether it is to end before it wants its page',
      /sleeps for ever/,
      { page: 'stopped' },
      [
        {
          file: WAITER,
          from: '    faultSteps.want(words, writer, gfn);\n',
          to: '    const isToEnd = handshake.isStopped();\n    faultSteps.want(words, writer, gfn);\n',
        },
        {
          file: WAITER,
          from: '|| this.#sleep(gfn, longestSleepMs)',
          to: '|| this.#sleep(gfn, longestSleepMs, isToEnd)',
        },
        {
          file: WAITER,
          from: '#sleep(gfn: number, longestSleepMs: number)',
          to: '#sleep(gfn: number, longestSleepMs: number, isToEnd: boolean)',
        },
        {
          file: WAITER,
          from: 'while (isRunning && !handshake.isStopped() &&',
          to: 'while (isRunning && !isToEnd &&',
        },
      ],
    ],
    [
      'a vCPU waits for its page without telling the engine',
      /sleeps for ever/,
      { page: 'requested' },
      [{ file: WAITER, from: '    handshake.ringDoorbell();\n', to: '' }],
    ],
    [
      'a vCPU tells the engine before it says which page it wants',
      /sleeps for ever/,
      { page: 'requested' },
      [
        { file: WAITER, from: '    handshake.ringDoorbell();\n', to: '' },
        {
          file: WAITER,
          from: '    faultSteps.want(words, writer, gfn);\n',
          to: '    handshake.ringDoorbell();\n    faultSteps.want(words, writer, gfn);\n',
        },
      ],
    ],
  ])('finds the planted bug: %s', async (_, message, options, edits) => {
    const program = await openFaultProgram(edits);
    const { violation } = explore(() =>
      faultWorld(program, { vcpus: 1, page: 'pushed', ...options }),
    );
    expect(violation?.message).toMatch(message);
  });
});

describe('the presence map', () => {
  const open = () => {
    const shape = [
      { index: 0, firstGfn: 0, pages: 100 },
      { index: 1, firstGfn: 100, pages: 60 },
    ];
    const memory = memoryOf(shape.map((slot) => openSlot(smallSlot(slot))));
    const words = new Int32Array(createHandshake(3));
    return { memory, words, map: new PresenceMap(memory, words, 3) };
  };

  it('has everything at first, and lacks what is discarded, across memslots', () => {
    const { map, memory } = open();
    const [low, high] = memory.slots;
    expect(map.absent).toBe(0);
    expect(map.claim(low!, 99)).toBe(false);
    expect(map.discard(98, 5)).toBe(true);
    expect(map.absent).toBe(5);
    expect(map.claim(low!, 97)).toBe(false);
    expect(map.claim(low!, 98)).toBe(true);
    expect(map.claim(low!, 98)).toBe(false);
    expect(map.claim(high!, 2)).toBe(true);
    expect(map.claim(high!, 3)).toBe(false);
  });

  it('has pages that come lie in a buffer until somebody takes them, when it is told so', () => {
    const { map, memory } = open();
    const [low] = memory.slots;
    map.discard(5, 2);
    map.begin(true);
    for (const page of [5, 6]) {
      expect(map.claim(low!, page)).toBe(true);
      map.publish(low!, page);
    }
    const list = accessListAt(low!.layout, 1);
    low!.words.set([5, 6], list >>> 2);
    expect(low!.kernels.countPlain(list, 2, low!.layout.gates)).toBe(0);
    expect(faultSteps.isPresent(gateBytes(low!), 5)).toBe(true);
    expect(faultSteps.map(gateBytes(low!), 5)).toBe(true);
    expect(faultSteps.map(gateBytes(low!), 5)).toBe(false);
    expect(low!.kernels.countPlain(list, 2, low!.layout.gates)).toBe(1);
    const there: number[] = [];
    map.listPresent(0, 10, there);
    expect(there).toEqual([0, 100, 100, 60]);
  });

  it('leaves alone what other layers have on the gate of a page', () => {
    const { map, memory, words } = open();
    const [low] = memory.slots;
    const gate = new PageGate(memory, words);
    map.discard(5, 1);
    map.begin(true);
    gate.turnOn(GATE_PROTECTION);
    gate.mark(5, 1, PAGE_PROTECTED);
    expect(map.claim(low!, 5)).toBe(true);
    map.publish(low!, 5);
    const gates = gateBytes(low!);
    expect(gates[5]).toBe(PAGE_PROTECTED | PAGE_BUFFERED);
    expect(faultSteps.map(gates, 5)).toBe(true);
    expect(gates[5]).toBe(PAGE_PROTECTED | PAGE_PRESENT);
    map.end();
    expect(words[GATE]).toBe(GATE_PROTECTION);
    expect(gate.unmark(low!, 5, PAGE_PROTECTED)).toBe(true);
    expect(gate.unmark(low!, 5, PAGE_PROTECTED)).toBe(false);
    gate.turnOff(GATE_PROTECTION);
    expect([gates[5], words[GATE]]).toEqual([0, 0]);
  });

  it('leaves the bits of other layers when pages become absent and when a new one is made', () => {
    const { map, memory, words } = open();
    const [low, high] = memory.slots;
    const gate = new PageGate(memory, words);
    for (const gfn of [4, 6, 11, 98, 159]) gate.mark(gfn, 1, PAGE_PROTECTED);
    map.discard(5, 3);
    map.discard(90, 70);
    expect([...gateBytes(low!).subarray(3, 9)]).toEqual([
      PAGE_PRESENT,
      PAGE_PROTECTED,
      PAGE_ABSENT,
      PAGE_PROTECTED | PAGE_ABSENT,
      PAGE_ABSENT,
      PAGE_PRESENT,
    ]);
    expect(gateBytes(low!)[98]).toBe(PAGE_PROTECTED | PAGE_ABSENT);
    expect(gateBytes(high!)[59]).toBe(PAGE_PROTECTED | PAGE_ABSENT);
    void new PresenceMap(memory, words, 3);
    const marked = [...gateBytes(low!), ...gateBytes(high!)].flatMap((bits, gfn) =>
      bits === PAGE_PROTECTED ? [gfn] : [],
    );
    expect(marked).toEqual([4, 6, 11, 98, 159]);
    expect(gateBytes(low!)[5]).toBe(PAGE_PRESENT);
  });

  it('takes ranges in ascending order only', () => {
    const { map } = open();
    expect(map.discard(10, 5)).toBe(true);
    expect(map.discard(14, 1)).toBe(false);
    expect(map.absent).toBe(5);
  });

  it('grants a page to every writer that wants it, and to no other', () => {
    const { map, memory, words } = open();
    const [, high] = memory.slots;
    map.discard(0, 160);
    Atomics.store(words, wantedOf(1), 141);
    Atomics.store(words, wantedOf(2), 142);
    expect(map.wantedBy(1)).toBe(140);
    expect(map.claim(high!, 40)).toBe(true);
    map.publish(high!, 40);
    expect([map.wantedBy(1), map.wantedBy(2)]).toEqual([-1, 141]);
    expect(map.absent).toBe(159);
  });

  it('lists runs of what is there, as many at a time as there is room for', () => {
    const { map, memory } = open();
    map.discard(0, 3);
    map.discard(50, 10);
    map.discard(99, 2);
    map.discard(120, 40);
    map.claim(memory.slots[0]!, 1);
    map.publish(memory.slots[0]!, 1);
    // What is being installed is not there.
    map.claim(memory.slots[0]!, 55);
    const list = [7, 7];
    expect(map.listPresent(0, 10, list)).toBe(160);
    expect(list).toEqual([1, 1, 3, 47, 60, 39, 101, 19]);
    let ranges: number[] = [];
    for (let from = 0; from < 160;) {
      from = map.listPresent(from, 1, list);
      expect(list.length).toBeLessThanOrEqual(2);
      ranges = [...ranges, ...list];
    }
    expect(ranges).toEqual([1, 1, 3, 47, 60, 39, 101, 19]);
  });

  it('lists a run over the border of memslots slot by slot', () => {
    const { map } = open();
    const list: number[] = [];
    expect(map.listPresent(0, 10, list)).toBe(160);
    expect(list).toEqual([0, 100, 100, 60]);
    expect(map.listPresent(160, 10, list)).toBe(160);
    expect(list).toEqual([]);
  });
});
