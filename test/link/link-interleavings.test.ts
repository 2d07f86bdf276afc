import { describe, expect, it } from 'vitest';
import { explore } from '../support/interleave/explore.ts';
import type { Edit } from '../support/interleave/program.ts';
import { framesWorld, lineWorld, openLinkProgram } from '../support/worlds/link-world.ts';

const RING = 'link/ring.ts';
const LINK = 'link/ring-link.ts';
const LINE = 'link/line.ts';

describe('a ring link, every interleaving of its ends', () => {
  it('brings every frame, and both ends wake up for it and for room', async () => {
    const program = await openLinkProgram();
    const { violation, states, schedules } = explore(() => framesWorld(program, 2));
    console.log(`2 frames: ${states} states, ${schedules} schedules`);
    expect(violation).toBeUndefined();
    expect(states).toBeGreaterThan(100);
  });

  it.each<[string, RegExp, Edit[]]>([
    [
      'the peer is rung before the head is stored',
      /sleeps for ever/,
      [
        {
          file: LINK,
          from: '    this.#sequenceOut++;\n    this.#peer.ring();',
          to: '    this.#sequenceOut++;',
        },
        {
          file: LINK,
          from: '    this.#producer.commit(storedBytes',
          to: '    this.#peer.ring();\n    this.#producer.commit(storedBytes',
        },
      ],
    ],
    [
      'the head is stored before the record',
      /frame \d reads|is not aligned/,
      [
        {
          file: RING,
          from: '    const { view } = this.memory;\n    view.setUint32(this.#at(), bytes, true);',
          to: `    const { view } = this.memory;
    Atomics.store(this.#words, HEAD, (this.#head + recordBytes(room)) | 0);
    view.setUint32(this.#at(), bytes, true);`,
        },
      ],
    ],
    [
      'the producer announces no wait',
      /sender sleeps for ever/,
      [{ file: RING, from: '      Atomics.store(this.#words, WAITING, 1);\n', to: '' }],
    ],
    [
      'the consumer asks who waits before it frees the record',
      /sender sleeps for ever/,
      [
        {
          file: RING,
          from: `    this.#tail = (this.#tail + recordBytes(room)) | 0;
    Atomics.store(this.#words, TAIL, this.#tail);
    return Atomics.exchange(this.#words, WAITING, 0) === 1;`,
          to: `    const isAwaited = Atomics.exchange(this.#words, WAITING, 0) === 1;
    this.#tail = (this.#tail + recordBytes(room)) | 0;
    Atomics.store(this.#words, TAIL, this.#tail);
    return isAwaited;`,
        },
      ],
    ],
    [
      'the consumer makes room and wakes nobody',
      /sender sleeps for ever/,
      [{ file: LINK, from: '    if (isAwaited) this.#peer.ring();', to: '' }],
    ],
  ])('finds the planted bug: %s', async (name, message, edits) => {
    const program = await openLinkProgram(edits);
    const { violation, states } = explore(() => framesWorld(program, 2));
    console.log(`${name}: ${states} states: ${violation?.message}`);
    expect(violation?.message).toMatch(message);
  });
});

describe('a line whose connection is cut, every interleaving of its ends and the network', () => {
  it('loses no frame of the next connection', async () => {
    const program = await openLinkProgram();
    const { violation, states } = explore(() => lineWorld(program, { sleeps: false }));
    console.log(`line: ${states} states`);
    expect(violation).toBeUndefined();
    expect(states).toBeGreaterThan(100);
  });

  it.each<[string, Edit[]]>([
    [
      'the network empties the rings while an end has not let go',
      [
        {
          file: LINE,
          from: "(['near', 'far'] as const).every(",
          to: "(['near', 'far'] as const).some(",
        },
      ],
    ],
    [
      'the network makes the connection before it has emptied the rings',
      [
        {
          file: LINE,
          from: `    for (const ring of this.#rings) emptyRing(ring);
    Atomics.add(this.#words, NUMBER, 1);`,
          to: `    Atomics.add(this.#words, NUMBER, 1);
    for (const ring of this.#rings) emptyRing(ring);`,
        },
      ],
    ],
    [
      'an end goes over without taking up the empty rings',
      [{ file: LINE, from: '    producer.restart();\n    consumer.restart();', to: '' }],
    ],
  ])('finds the planted bug: %s', async (name, edits) => {
    const program = await openLinkProgram(edits);
    const { violation, states } = explore(() => lineWorld(program, { sleeps: false }));
    console.log(`${name}: ${states} states: ${violation?.message}`);
    expect(violation).toBeDefined();
  });
});
