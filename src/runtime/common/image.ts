import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip } from 'node:zlib';
import { type Contents, entryOf } from '../../memory/contents/contents.ts';
import { type GuestMemory, slotOf } from '../../memory/guest-memory.ts';

/**
 * Reads the image of the entry number `entry` into the pages that it covers; where entries overlap, the later one
 * wins. The image is read once, from its beginning to the region's end, so that a compressed one of any size
 * takes no memory. Returns a sentence that says why it can't be used, or undefined when all went well.
 */
export async function loadImage(
  memory: GuestMemory,
  contents: readonly Contents[],
  entry: number,
): Promise<string | undefined> {
  const { image, firstGfn, pages } = contents[entry]!;
  if (!image) return undefined;
  const { path, offset } = image;
  const regionBytes = pages * memory.pageSize;
  let position = -offset;
  const file = createReadStream(path, { highWaterMark: 1024 * 1024 });
  try {
    for await (const chunk of decompress(path, file)) {
      const bytes = chunk as Uint8Array;
      place(memory, contents, entry, bytes, position, firstGfn * memory.pageSize, regionBytes);
      position += bytes.length;
      if (position >= regionBytes) return undefined;
    }
  } catch (error) {
    return `${path} can't be read: ${(error as Error).message}`;
  } finally {
    // The region may end before the file does.
    file.destroy();
  }
  return `${path} ends after ${position + offset} bytes, its region needs ${regionBytes + offset} (offset and size): make the region smaller`;
}

function decompress(path: string, file: Readable): Readable {
  const options = { chunkSize: 1024 * 1024 };
  const unpack = path.endsWith('.gz')
    ? createGunzip(options)
    : path.endsWith('.br')
      ? createBrotliDecompress(options)
      : undefined;
  if (!unpack) return file;
  file.on('error', (error) => unpack.destroy(error));
  return file.pipe(unpack);
}

/** Copies a chunk that lies at byte `position` of the region, page by page, into the pages that the entry owns. */
function place(
  memory: GuestMemory,
  contents: readonly Contents[],
  entry: number,
  chunk: Uint8Array,
  position: number,
  regionAt: number,
  regionBytes: number,
): void {
  const { pageSize } = memory;
  let from = Math.max(0, -position);
  const end = Math.min(chunk.length, regionBytes - position);
  while (from < end) {
    const at = regionAt + position + from;
    const gfn = Math.floor(at / pageSize);
    const to = Math.min(end, from + (gfn + 1) * pageSize - at);
    if (entryOf(contents, gfn) === entry) {
      const slot = slotOf(memory, gfn);
      slot.ram.set(chunk.subarray(from, to), at - slot.layout.firstGfn * pageSize);
    }
    from = to;
  }
}
