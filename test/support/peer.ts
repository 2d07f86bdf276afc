import { ConnectionLost, type FrameRoom, type Link } from '../../src/link/link.ts';
import { GuestPageSet } from '../../src/memory/guest-memory.ts';
import {
  type ControlMessage,
  decodeControl,
  encodeControl,
  packControl,
} from '../../src/wire/control.ts';
import {
  decodeDevice,
  deviceFrameBytes,
  type DevicePiece,
  encodeDevice,
} from '../../src/wire/devices.ts';
import { openEncoder } from '../../src/wire/encoder.ts';
import { type Frame, FRAME, frameName, HEADER_BYTES, sealFrame } from '../../src/wire/frame.ts';
import { eachPageRun, pageFrameRoom } from '../../src/wire/pages.ts';
import { encodePart, partFrameRoom } from '../../src/wire/parts.ts';
import {
  decodeRanges,
  encodeRanges,
  rangesFrameBytes,
  type RangesName,
} from '../../src/wire/ranges.ts';
import { encodeSlots, slotsFrameBytes } from '../../src/wire/slots.ts';
import { decodeReferences } from '../../src/wire/references.ts';
import type { FakeWorld, Half } from './fake-world.ts';

/** A frame that the half has sent: its name, and the body of a control message, or ranges of pages. */
export interface Heard {
  readonly name: string;
  readonly body?: unknown;
}

const RANGES: ReadonlySet<number> = new Set([
  FRAME.discard,
  FRAME.released,
  FRAME.free,
  FRAME.received,
]);

/**
 * Plays one half of a migration by hand against the other half, which is real: a test posts the frames that it
 * wants to be received, and reads those that the half has sent.
 */
export class Peer<Result> {
  /** The frames that have been heard and not been cleared by the test. */
  readonly heard: Heard[] = [];
  /** How many frames have been posted over this connection, which is the next one's sequence number. */
  posted = 0;
  /** Called with the room of each frame when the frame is complete, so that a test can damage it. */
  spoil: (room: FrameRoom, length: number) => void = () => undefined;
  readonly #world: FakeWorld;
  readonly #link: Link;
  readonly #half: Half<Result>;

  /** `link` is the end of the world's link that the half does not have. */
  constructor(world: FakeWorld, link: Link, half: Half<Result>) {
    this.#world = world;
    this.#link = link;
    this.#half = half;
  }

  get result(): Result | undefined {
    return this.#half.result;
  }

  control(message: ControlMessage): void {
    const packed = packControl(message);
    this.#post(HEADER_BYTES + packed.length, ({ memory, at, sequence }) =>
      encodeControl(memory, at, message.name, packed, sequence),
    );
  }

  /** Posts a frame of slots; `list` holds pairs of (gfn, slot). */
  slots(list: readonly number[]): void {
    const pages = list.length / 2;
    this.#post(slotsFrameBytes(pages), ({ memory, at, sequence }) =>
      encodeSlots(memory, at, list, 0, pages, sequence),
    );
  }

  ranges(name: RangesName, list: readonly number[]): void {
    this.#post(rangesFrameBytes(list.length / 2), ({ memory, at, sequence }) =>
      encodeRanges(memory, at, name, list, 0, list.length / 2, sequence),
    );
  }

  /** Posts a frame with a piece of a device's state. */
  device(piece: DevicePiece): void {
    const { integrity } = this.#world.side.options;
    this.#post(deviceFrameBytes(piece.bytes), ({ memory, at, sequence }) =>
      encodeDevice(memory, at, piece, integrity, sequence),
    );
  }

  /** Posts a frame of any type with an empty control part. */
  bare(type: number): void {
    this.#post(HEADER_BYTES, ({ memory, at, sequence }) => {
      const lengths = { controlBytes: 0, payloadOffset: HEADER_BYTES, length: HEADER_BYTES };
      sealFrame(memory, at, { type, sequence, ...lengths });
      return HEADER_BYTES;
    });
  }

  /** Posts a page frame with what these pages hold at the source now. */
  pages(firstGfn: number, pages: number): void {
    const { side, source } = this.#world;
    const set = new GuestPageSet(source.memory);
    set.clear();
    set.addRun(firstGfn, pages);
    const taken = set.take(0, pages);
    this.#post(pageFrameRoom(pages, 4096), ({ memory, at, sequence }) => {
      const encoded = openEncoder(side.options).encode(taken, memory, at, sequence);
      return encoded.storedLength;
    });
  }

  /** Posts a part frame with all that a page of 4096 bytes holds at the source now. */
  part(gfn: number): void {
    const { side, source } = this.#world;
    const part = { slot: source.memory.slots[0]!, page: gfn, offset: 0, bytes: 4096 };
    this.#post(partFrameRoom(part.bytes), ({ memory, at, sequence }) => {
      return encodePart(part, memory, at, side.options, sequence).storedLength;
    });
  }

  #post(mostBytes: number, build: (room: FrameRoom) => number): void {
    const room = this.#link.room(mostBytes, 'urgent');
    if (!room) throw new Error('the ring is full');
    const length = build(room);
    this.spoil(room, length);
    this.#link.post(length);
    this.posted++;
  }

  /** Lets time pass in small steps, in which the half acts and is heard, until `isDone`. */
  until(isDone: () => boolean, longestNs = 1e9): void {
    const lastNs = this.#world.clock.ns + longestNs;
    for (;;) {
      const nextNs = this.#half.go();
      this.hear();
      if (isDone()) return;
      if (this.#world.clock.ns >= lastNs) throw new Error(`it did not happen in ${longestNs} ns`);
      this.#world.passTime(Math.min(nextNs, lastNs, this.#world.clock.ns + 250e3));
    }
  }

  /** Lets this much time pass. */
  pass(ns: number): void {
    const untilNs = this.#world.clock.ns + ns;
    this.until(() => this.#world.clock.ns >= untilNs, 2 * ns);
  }

  /** Cuts the connection and makes a new one, once the half has noticed. */
  reconnect(): void {
    this.#world.line.cut();
    this.until(() => this.#world.line.hasBeenLetGo());
    this.#world.line.restore();
    this.#link.reconnect();
    this.posted = 0;
  }

  /** Reads all frames that have arrived. */
  hear(): void {
    try {
      for (let frame = this.#link.poll(); frame; frame = this.#link.poll()) {
        this.heard.push({ name: frameName(frame.type), ...this.#bodyOf(frame) });
      }
    } catch (error) {
      // The test has cut the connection.
      if (!(error instanceof ConnectionLost)) throw error;
    }
  }

  #bodyOf(frame: Frame): { readonly body?: unknown } {
    if (frame.type === FRAME.pages) return { body: runsOf(frame) };
    if (frame.type === FRAME.device) {
      return { body: decodeDevice(frame, this.#world.side.options.integrity) };
    }
    if (frame.type === FRAME.reference) {
      return { body: decodeReferences(frame, this.#world.source.memory.pages) };
    }
    if (!RANGES.has(frame.type)) return { body: decodeControl(frame).body };
    const list: number[] = [];
    decodeRanges(frame, this.#world.source.memory.pages, (gfn, pages) => list.push(gfn, pages));
    return { body: list };
  }

  /** Returns the names of the frames heard since the last call. */
  names(): string[] {
    return this.heard.splice(0).map(({ name }) => name);
  }
}

/** Returns the runs of a page frame, as pairs of a page of its memslot and a number of pages. */
function runsOf({ memory, controlAt }: Frame): number[] {
  const runs: number[] = [];
  eachPageRun(memory, controlAt - HEADER_BYTES, (_, first, pages) => runs.push(first, pages));
  return runs;
}

/** The names of all frame types. */
export const FRAME_NAMES = Object.keys(FRAME).map((name) => name.toUpperCase());

/** A table of words: one row for each frame, one column for each state. */
export interface StateTable {
  readonly states: readonly string[];
  /** Each frame's row: the word for each state, in the order of `states`. */
  readonly rows: ReadonlyMap<string, readonly string[]>;
}

/** Reads a table whose columns stand under their states. A row's name has no blanks. */
export function stateTable(text: string): StateTable {
  const [states, ...rows] = text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([first]) => first !== '');
  return { states: states!, rows: new Map(rows.map(([name, ...words]) => [name!, words])) };
}
