import type { Generator } from '../../../random/generator.ts';
import { FRAME, HEADER_BYTES } from '../../../wire/frame.ts';
import { FIXED_BYTES } from '../../../wire/pages.ts';
import type { Delivery } from '../delivery.ts';
import { cutOff, disfigure, forge, misplace } from '../forgery.ts';
import { typeOf } from '../tampered-link.ts';
import { mutatePacked } from './packed.ts';

/** What is done to a stream. Each changes a list of frames in place. */
export type Mutation = (random: Generator, stream: Delivery[], sample: Material) => void;

/** What mutations are made from. */
export interface Material {
  /** The frames that a real source has sent. */
  readonly frames: readonly Uint8Array[];
  /** The number of the guest's pages. */
  readonly pages: number;
}

const PAGE_TYPES: ReadonlySet<number> = new Set([FRAME.pages, FRAME.part, FRAME.reference]);
/** Numbers at which sums and products overflow, or which are taken for "none". */
const BORDERS = [0, 1, 2, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff_fffe, 0x1000_0000, 65_536];

const place = (random: Generator, stream: readonly Delivery[]): number =>
  random.below(stream.length);

/** Puts what `change` makes of one frame in its place, with a number and a CRC that fit. */
const changing =
  (change: (random: Generator, bytes: Uint8Array, sample: Material) => Uint8Array): Mutation =>
  (random, stream, sample) => {
    if (stream.length === 0) return;
    const at = place(random, stream);
    stream[at] = { bytes: change(random, stream[at]!.bytes, sample), isSealed: true };
  };

/** Changes any byte of a frame. Whether its CRC fits again is drawn, too. */
const flip: Mutation = (random, stream) => {
  if (stream.length === 0) return;
  const at = place(random, stream);
  const bytes = stream[at]!.bytes.slice();
  if (bytes.length === 0) return;
  const isHead = random.below(2) === 0;
  const most = isHead ? Math.min(bytes.length, HEADER_BYTES + 64) : bytes.length;
  bytes[random.below(most)]! ^= 1 << random.below(8);
  stream[at] = { bytes, isSealed: random.below(4) > 0 };
};

/** Sets one word of a frame's control part to a number at a border. */
function border(random: Generator, original: Uint8Array): Uint8Array {
  const bytes = original.slice();
  const words = (Math.min(bytes.length, HEADER_BYTES + 256) - HEADER_BYTES) >> 2;
  if (words <= 0) return bytes;
  const at = HEADER_BYTES + 4 * random.below(words);
  const value = BORDERS[random.below(BORDERS.length)]!;
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, value, true);
  return bytes;
}

/** Returns whether the lengths in a frame's header are those of the frame, which an earlier mutation may have changed. */
function isWhole(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_BYTES) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return HEADER_BYTES + view.getUint32(16, true) <= bytes.length;
}

/** Returns whether a whole page frame has as many runs as it says. */
function hasRuns(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const control = view.getUint32(16, true);
  return (
    control >= FIXED_BYTES && view.getUint32(HEADER_BYTES + 8, true) * 8 <= control - FIXED_BYTES
  );
}

/** Changes a frame so that it fits its type: pages are moved, packed messages get other values, ranges other numbers. */
function fitting(random: Generator, bytes: Uint8Array, { pages }: Material): Uint8Array {
  if (!isWhole(bytes)) return bytes;
  const type = typeOf(bytes);
  if (type === FRAME.pages && hasRuns(bytes) && random.below(2) === 0) {
    return misplace(random, bytes, [pages, pages]);
  }
  if (PAGE_TYPES.has(type) || type === FRAME.device) return border(random, bytes);
  return random.below(3) === 0 ? disfigure(random, bytes) : mutatePacked(random, bytes);
}

const drop: Mutation = (random, stream) => {
  if (stream.length > 0) stream.splice(place(random, stream), 1);
};

const repeat: Mutation = (random, stream) => {
  if (stream.length === 0) return;
  const frame = stream[place(random, stream)]!;
  stream.splice(random.below(stream.length + 1), 0, frame);
};

const swap: Mutation = (random, stream) => {
  if (stream.length === 0) return;
  const [a, b] = [place(random, stream), place(random, stream)];
  [stream[a], stream[b]] = [stream[b]!, stream[a]!];
};

const end: Mutation = (random, stream) => {
  stream.length = random.below(stream.length + 1);
};

const invent: Mutation = (random, stream, { pages }) => {
  const at = random.below(stream.length + 1);
  const like = stream[at] && stream[at].bytes.length >= HEADER_BYTES ? typeOf(stream[at].bytes) : 0;
  stream.splice(at, 0, { bytes: forge(random, pages, like), isSealed: true });
};

/** Sends bytes that are no frame. */
const noise: Mutation = (random, stream) => {
  const bytes = Uint8Array.from({ length: random.below(200) }, () => random.below(256));
  stream.splice(random.below(stream.length + 1), 0, { bytes, isSealed: false });
};

/** Keeps HELLO and draws all frames behind it from those of the real stream and from invented ones. */
const rewrite: Mutation = (random, stream, { frames, pages }) => {
  const [hello] = frames;
  const length = random.below(12);
  const drawn = Array.from({ length }, (): Delivery => {
    const real = frames[random.below(frames.length)]!;
    const bytes = random.below(3) === 0 ? forge(random, pages, typeOf(real)) : real;
    return { bytes, isSealed: true };
  });
  stream.splice(0, stream.length, { bytes: hello!, isSealed: true }, ...drawn);
};

/** All mutations, by name. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  flip,
  border: changing(border),
  fitting: changing(fitting),
  cut: changing((random, bytes) => (bytes.length > HEADER_BYTES ? cutOff(random, bytes) : bytes)),
  drop,
  repeat,
  swap,
  end,
  invent,
  noise,
  rewrite,
};
const NAMES = Object.keys(MUTATIONS);

/** A stream to which something has been done, and what that was. */
export interface MutatedStream {
  readonly script: readonly Delivery[];
  readonly done: readonly string[];
}

/** Draws up to four mutations and applies them to what a real source has sent. */
export function mutate(random: Generator, sample: Material): MutatedStream {
  const script = sample.frames.map((bytes): Delivery => ({ bytes, isSealed: true }));
  const done = Array.from({ length: 1 + random.below(4) }, () => {
    const name = NAMES[random.below(NAMES.length)]!;
    MUTATIONS[name]!(random, script, sample);
    return name;
  });
  return { script, done };
}
