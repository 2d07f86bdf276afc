import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Contents, ContentsKind } from '../../memory/contents/contents.ts';
import { fillPages } from '../../memory/contents/contents.ts';
import { GuestPageSet, memoryOf } from '../../memory/guest-memory.ts';
import { loadKernels } from '../../memory/kernels/load.ts';
import { createSlot, type Memslot, openSlot } from '../../memory/memslot.ts';
import { othersTurn } from '../../runtime/common/others-turn.ts';
import { loadImage } from '../../runtime/common/image.ts';
import { nearestSizes } from '../../scenario/beyond.ts';
import { type FrameMemory, openFrame } from '../../wire/frame.ts';
import { batchPages } from '../../wire/limits.ts';
import { openDecoder } from '../../wire/decoder.ts';
import { type EncoderOptions, openEncoder } from '../../wire/encoder.ts';
import { type Integrity, pageFrameRoom } from '../../wire/pages.ts';
import { checkMemory, choicesOf, countOf, pageSizeOf, sizeOf, wrongOption } from './options.ts';
import {
  type Bench,
  type BenchContext,
  DiffersError,
  type Findings,
  type Metric,
} from './outcome.ts';

const KINDS = ['zero', 'random', 'text', 'duplicate', 'mixed', 'image'] as const;
/**
 * The encodings that are timed. The first word says whether zero pages are detected (`zero`) or sent
 * whole (`raw`); the second is the wire's integrity: checksums of headers only, or of pages as well.
 */
const ENCODINGS = ['raw header', 'raw full', 'zero header', 'zero full'] as const;

type Encoding = (typeof ENCODINGS)[number];

/** The default image: a sample of the memory of a Linux guest that runs Redis. */
const IMAGE = fileURLToPath(
  new URL('../../../fixtures/images/redis-sample.raw.br', import.meta.url),
);

export const encodeBench: Bench = {
  name: 'encode',
  about: 'page encodings, one thread: GB/s of encode and decode, and bytes saved, by contents',
  options: [
    { flag: 'contents', value: 'kinds', about: `some of ${KINDS.join(', ')}`, default: 'all' },
    { flag: 'encoding', value: 'names', about: `some of ${ENCODINGS.join(', ')}`, default: 'all' },
    { flag: 'bytes', value: 'size', about: 'guest memory', default: '64MiB' },
    { flag: 'page-size', value: 'size', about: 'size of a page', default: '4KiB' },
    {
      flag: 'image',
      value: 'file',
      about: 'memory image for the contents `image`: raw, .gz or .br; only its beginning is used',
      default: 'a sample that comes with the program',
    },
    { flag: 'iterations', value: 'n', about: 'timed passes of each encoding', default: '10' },
  ],
  run: runEncode,
};

async function runEncode({ options, clock, progress, metrics }: BenchContext): Promise<Findings> {
  const kinds = choicesOf(options, 'contents', KINDS);
  const encodings = choicesOf(options, 'encoding', ENCODINGS);
  const pageSize = pageSizeOf(options);
  const iterations = countOf(options, 'iterations', 1, 100_000);
  const bytes = sizeOf(options, 'bytes');
  const pages = bytes / pageSize;
  if (!Number.isInteger(pages) || pages < 1 || bytes > 2 ** 31) {
    const such = bytes > 2 ** 31 ? 'at most 2GiB' : `such as ${nearestSizes(bytes, pageSize)}`;
    throw wrongOption('bytes', `expected whole pages, ${such}, got "${options['bytes']}"`);
  }
  checkMemory('bytes', 2 * pages * pageSize);
  const geometry = { pages, pageSize, writers: 1, streams: 1, tableBytes: 0 };
  const source = openSlot(createSlot({ ...geometry, skewPages: 0 }));
  const target = openSlot(createSlot({ ...geometry, skewPages: 1 }));
  target.ram.fill(0xa5);
  for (const [k, kind] of kinds.entries()) {
    await fill(source, kind, options['image']!);
    for (const [e, encoding] of encodings.entries()) {
      const done = k * encodings.length + e;
      progress(`${kind}, ${encoding}`, done, kinds.length * encodings.length);
      metrics.push(
        ...(await encodingMetrics({ source, target, clock, iterations }, kind, encoding)),
      );
    }
  }
  return { metrics };
}

/** Fills the source with contents of a kind; an image is repeated until memory is full. */
async function fill(slot: Memslot, kind: (typeof KINDS)[number], image: string): Promise<void> {
  const { pages, pageSize } = slot.layout;
  if (kind !== 'image') {
    const contents: ContentsKind = kind;
    fillPages(slot, [{ firstGfn: 0, pages, kind: contents, zeroShare: 0 }], 1, 0, pages);
    return;
  }
  const isOwn = image !== encodeBench.options.find(({ flag }) => flag === 'image')!.default;
  const path = isOwn ? image : IMAGE;
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) {
    throw wrongOption('image', `there is no file ${path}`);
  }
  const wanted = isOwn ? pages : Math.min(pages, SAMPLE_BYTES / pageSize);
  const entry: Contents = {
    firstGfn: 0,
    pages: wanted,
    kind: 'file',
    zeroShare: 0,
    image: { path, offset: 0 },
  };
  const problem = await loadImage(memoryOf([slot]), [entry], 0);
  if (problem !== undefined) throw wrongOption('image', problem);
  const length = wanted * pageSize;
  for (let at = length; at < slot.ram.length; at += length) {
    slot.ram.copyWithin(at, 0, Math.min(length, slot.ram.length - at));
  }
}

/** Size of the sample image when it is unpacked. */
const SAMPLE_BYTES = 4 * 1024 * 1024;

interface Parts {
  readonly source: Memslot;
  readonly target: Memslot;
  readonly clock: BenchContext['clock'];
  readonly iterations: number;
}

async function encodingMetrics(parts: Parts, kind: string, encoding: Encoding): Promise<Metric[]> {
  const { source, target, iterations } = parts;
  const [zero, integrity] = encoding.split(' ') as ['raw' | 'zero', Integrity];
  const way: EncoderOptions = { encodings: zero === 'zero' ? ['zero'] : [], integrity };
  const of = `${kind}, ${encoding === `zero ${integrity}` ? 'zero pages' : 'all raw'}, ${integrity}`;
  const encode: number[] = [];
  const decode: number[] = [];
  let ratio = 0;
  const guestBytes = source.ram.length;
  for (let i = -2; i < iterations; i++) {
    // The rest of the program, such as signals, has its turn between two passes.
    await othersTurn();
    const { encodeNs, decodeNs, bytes } = onePass(parts, way);
    ratio = guestBytes / bytes;
    if (i < 0) continue;
    encode.push(guestBytes / encodeNs);
    decode.push(guestBytes / decodeNs);
  }
  if (Buffer.compare(source.ram, target.ram) !== 0) {
    throw new DiffersError(`${of}: what was decoded differs from what was encoded`);
  }
  return [
    { of, name: 'encode', unit: 'GB/s', better: 'more', samples: encode },
    { of, name: 'decode', unit: 'GB/s', better: 'more', samples: decode },
    { of, name: 'ratio', unit: 'guest/link', better: 'more', samples: [ratio], isFact: true },
  ];
}

/** Encodes and installs all pages, a batch at a time, as a migration does. Returns ns, and bytes on the link. */
function onePass(
  { source, target, clock }: Parts,
  way: EncoderOptions,
): { encodeNs: number; decodeNs: number; bytes: number } {
  const { pageSize, pages } = source.layout;
  const most = batchPages(pageSize);
  const memory = frameMemory(pageFrameRoom(most, pageSize));
  const encoder = openEncoder(way);
  const decoder = openDecoder(memoryOf([target]), way.integrity);
  const unsent = new GuestPageSet(memoryOf([source]));
  unsent.addAll();
  let encodeNs = 0;
  let decodeNs = 0;
  let bytes = 0;
  let sequence = 0;
  for (let cursor = 0; cursor < pages; sequence++) {
    const startNs = clock.now();
    const taken = unsent.take(cursor, most);
    const encoded = encoder.encode(taken, memory, FRAME_AT, sequence);
    const encodedNs = clock.now();
    decoder.install(openFrame(memory, FRAME_AT, encoded.length, sequence));
    decodeNs += clock.now() - encodedNs;
    encodeNs += encodedNs - startNs;
    bytes += encoded.length;
    cursor = taken.cursor;
  }
  return { encodeNs, decodeNs, bytes };
}

const FRAME_AT = 4096;
let room: FrameMemory | undefined;

/** Returns memory for one frame; it is created once and used again. */
function frameMemory(bytes: number): FrameMemory {
  if (room && room.bytes.length >= FRAME_AT + bytes) return room;
  const pages = Math.ceil((FRAME_AT + bytes) / 65536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  room = {
    bytes: new Uint8Array(memory.buffer),
    view: new DataView(memory.buffer),
    kernels: loadKernels(memory),
    scratch: 64,
  };
  return room;
}
