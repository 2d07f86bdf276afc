import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import type { Contents } from '../../src/memory/contents/contents.ts';
import { memoryOf } from '../../src/memory/guest-memory.ts';
import { openSlot } from '../../src/memory/memslot.ts';
import { loadImage } from '../../src/runtime/common/image.ts';
import { smallSlot } from '../support/slots.ts';

const PAGE = 4096;

describe('an image', () => {
  const folder = mkdtempSync(join(tmpdir(), 'image-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  // Three chunks of a read, and a bit; each page differs.
  const image = Uint8Array.from({ length: 800 * PAGE }, (_, i) => 1 + ((i >> 12) % 251));
  const paths = { raw: join(folder, 'image.raw'), gzip: join(folder, 'image.raw.gz') };
  writeFileSync(paths.raw, image);
  writeFileSync(paths.gzip, gzipSync(image, { level: 1 }));

  const open = () => {
    const shape = [
      { index: 0, firstGfn: 0, pages: 20 },
      { index: 1, firstGfn: 20, pages: 30 },
    ];
    return memoryOf(shape.map((slot) => openSlot(smallSlot(slot))));
  };
  const entry = (offset: number, path: string, firstGfn = 3, pages = 40): Contents => ({
    kind: 'file',
    firstGfn,
    pages,
    zeroShare: 0,
    image: { path, offset },
  });
  /** The first byte of each page. */
  const pagesOf = ({ slots }: ReturnType<typeof open>): number[] =>
    slots.flatMap(({ ram, layout }) =>
      Array.from({ length: layout.pages }, (_, page) => ram[page * PAGE]!),
    );

  it.each([
    [0, 'raw'],
    [7, 'raw'],
    [240, 'raw'],
    [500, 'raw'],
    [760, 'raw'],
    [500, 'gzip'],
  ] as const)('from page %i of a %s file on fills its region', async (first, kind) => {
    const memory = open();
    const contents = [entry(first * PAGE, paths[kind])];
    expect(await loadImage(memory, contents, 0)).toBeUndefined();
    const expected = Array.from({ length: 50 }, (_, gfn) =>
      gfn < 3 || gfn >= 43 ? 0 : image[(first + gfn - 3) * PAGE]!,
    );
    expect(pagesOf(memory)).toEqual(expected);
  });

  it('leaves out what later entries cover, and covers what earlier ones do', async () => {
    const memory = open();
    const part = (firstGfn: number, pages: number): Contents => ({
      kind: 'zero',
      firstGfn,
      pages,
      zeroShare: 0,
    });
    const contents = [part(5, 2), entry(0, paths.raw), part(18, 4)];
    expect(await loadImage(memory, contents, 1)).toBeUndefined();
    const filled = pagesOf(memory).flatMap((byte, gfn) => (byte === 0 ? [] : [gfn]));
    const covers = (gfn: number): boolean => gfn >= 3 && gfn < 43 && (gfn < 18 || gfn >= 22);
    expect(filled).toEqual(Array.from({ length: 50 }, (_, gfn) => gfn).filter(covers));
  });

  it('that ends before its region is no image of that region', async () => {
    const contents = [entry(761 * PAGE, paths.raw)];
    expect(await loadImage(open(), contents, 0)).toMatch(
      /image\.raw ends after 3276800 bytes, its region needs 3280896 /,
    );
  });
});
