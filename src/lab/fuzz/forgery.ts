import type { Generator } from '../../random/generator.ts';
import {
  type ControlBody,
  type ControlMessage,
  type ControlName,
  encodeControl,
  packControl,
} from '../../wire/control.ts';
import { FRAME, type FrameMemory, HEADER_BYTES } from '../../wire/frame.ts';
import { COUNT_MASK, FIXED_BYTES } from '../../wire/pages.ts';
import { encodeRanges, type RangesName, rangesFrameBytes } from '../../wire/ranges.ts';
import { encodeSlots } from '../../wire/slots.ts';

/** A frame is written here before it is copied out. */
const ROOM = 64 * 1024;
const bytes = new Uint8Array(ROOM);
// The kernels check pages, which these frames don't have.
const memory = {
  bytes,
  view: new DataView(bytes.buffer),
  scratch: 0,
} as unknown as FrameMemory;

/** Returns the bytes of a control frame, whose number is 0. */
export function controlFrame(message: ControlMessage): Uint8Array {
  const packed = packControl(message);
  return bytes.slice(0, encodeControl(memory, 0, message.name, packed, 0));
}

/** Returns the bytes of a frame of ranges; `list` holds pairs of (first gfn, pages). */
export function rangesFrame(name: RangesName, list: readonly number[]): Uint8Array {
  const ranges = list.length / 2;
  if (rangesFrameBytes(ranges) > ROOM) throw new RangeError('too many ranges');
  return bytes.slice(0, encodeRanges(memory, 0, name, list, 0, ranges, 0));
}

/**
 * Draws a frame that the guest of `pages` pages might get from a peer that is wrong or lies: every other one is of the
 * type `like`, if that is not one of pages.
 */
export function forge(random: Generator, pages: number, like: number): Uint8Array {
  const makers = makersOf(random, pages);
  const same = NAMES.find((name) => FRAME[name] === like);
  const isSame = same !== undefined && random.below(2) === 0;
  return makers[isSame ? same : NAMES[random.below(NAMES.length)]!]();
}

/** Frames of pages have a check of their own; the guests of these runs have no devices and hint no free pages, and
 * agree on no references and no channels. */
const UNFORGED = [
  'pages',
  'part',
  'device',
  'ack',
  'hinted',
  'reference',
  'miss',
  'flush',
  'sync',
] as const;
type ForgedName = Exclude<keyof typeof FRAME, (typeof UNFORGED)[number]>;
const NAMES = (Object.keys(FRAME) as (keyof typeof FRAME)[]).filter(
  (name): name is ForgedName => !(UNFORGED as readonly string[]).includes(name),
);

const empty = () => ({});

const message =
  <Name extends ControlName>(name: Name, body: () => ControlBody<Name>) =>
  (): Uint8Array =>
    controlFrame({ name, body: body() } as ControlMessage);

function makersOf(
  random: Generator,
  pages: number,
): Readonly<Record<ForgedName, () => Uint8Array>> {
  const one = <Value>(values: readonly Value[]): Value => values[random.below(values.length)]!;
  // Numbers at the borders of what is right are drawn as often as any.
  const gfn = (): number => one([0, 1, pages - 1, pages, 4_294_967_295, random.below(pages)]);
  const count = (): number => one([0, 1, pages, pages + 1, 4_294_967_295, random.below(pages)]);
  const ns = (): number => one([0, 1, 1e6, random.below(1e9), 1e300]);
  const isTrue = (): boolean => random.below(2) === 0;
  const ranges = (name: RangesName) => (): Uint8Array => {
    const list: number[] = [];
    let at = 0;
    for (let left = random.below(6); left > 0 && at < pages; left--) {
      const first = one([at, at, at + random.below(pages - at), gfn()]);
      const length = one([1, 1 + random.below(8), pages - first, pages - first + 1, count()]);
      list.push(first, length);
      at = first + length;
    }
    return rangesFrame(name, list);
  };
  return {
    discard: ranges('discard'),
    released: ranges('released'),
    free: ranges('free'),
    received: ranges('received'),
    slots: () => bytes.slice(0, encodeSlots(memory, 0, [gfn(), count(), gfn(), count()], 0, 2, 0)),
    failed: message('failed', () => ({ message: 'forged', ran: isTrue() })),
    resumed: message('resumed', () => ({ presentPages: count() })),
    request: message('request', () => ({ gfn: gfn() })),
    complete: message('complete', () => ({ presentNs: ns() })),
    running: message('running', () => ({ pagesNs: ns(), stateNs: ns(), runningNs: ns() })),
    welcome: message('welcome', empty),
    resume: message('resume', empty),
    run: message('run', empty),
    end: message('end', empty),
    cancel: message('cancel', empty),
    hello: message('hello', () => ({
      slots: [count()],
      pageSize: 4096,
      vcpus: 1,
      integrity: 'full' as const,
    })),
    switchover: message('switchover', () => ({
      stoppedPages: count(),
      postcopy: isTrue(),
      absentPages: count(),
      buffered: isTrue(),
    })),
    state: message('state', () => ({ vcpus: [] })),
  };
}

/** Changes a frame's control part, at most one number of it by little, or its type. */
export function disfigure(random: Generator, original: Uint8Array): Uint8Array {
  const copy = original.slice();
  const view = new DataView(copy.buffer);
  const control = view.getUint32(16, true);
  const kind = random.below(4);
  if (kind === 0) {
    // One of the known types, an unknown one, and an unknown one that may be skipped.
    const types = [...Array.from({ length: 20 }, (_, i) => i), 999, 0x8000 | 999];
    view.setUint16(6, types[random.below(types.length)]!, true);
  } else if (control >= 4 && kind < 3) {
    const at = HEADER_BYTES + 4 * random.below(control >>> 2);
    const changes = [1, -1, 0x10000000, 0x7fffffff, random.next()];
    view.setUint32(at, view.getUint32(at, true) + changes[random.below(changes.length)]!, true);
  } else if (control > 0) {
    copy[HEADER_BYTES + random.below(control)]! ^= 1 + random.below(255);
  }
  return copy;
}

/** Moves a run of a page frame to, over and beyond the border of a memslot; `slots` has the pages of each. */
export function misplace(
  random: Generator,
  original: Uint8Array,
  slots: readonly number[],
): Uint8Array {
  const copy = original.slice();
  const view = new DataView(copy.buffer);
  const runs = view.getUint32(HEADER_BYTES + 8, true);
  const slotPages = slots[view.getUint32(HEADER_BYTES, true)];
  if (runs === 0 || slotPages === undefined) return copy;
  const at = HEADER_BYTES + FIXED_BYTES + 8 * random.below(runs);
  const count = view.getUint32(at + 4, true) & COUNT_MASK;
  const border = slotPages - count;
  const firsts = [border, border + 1, border + 1, slotPages, 4_294_967_295, random.next()];
  view.setUint32(at, firsts[random.below(firsts.length)]!, true);
  return copy;
}

/** Cuts a frame off, so that its header says how long what is left of it is. */
export function cutOff(random: Generator, original: Uint8Array): Uint8Array {
  const length = HEADER_BYTES + random.below(original.length - HEADER_BYTES + 1);
  const copy = original.slice(0, length);
  const view = new DataView(copy.buffer);
  view.setUint32(8, length, true);
  view.setUint32(16, Math.min(view.getUint32(16, true), length - HEADER_BYTES), true);
  view.setUint32(20, Math.min(view.getUint32(20, true), length), true);
  return copy;
}
