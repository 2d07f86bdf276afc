import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { placesOf } from '../../src/snapshot/format.ts';
import { SnapshotChain } from '../../src/snapshot/reader.ts';
import { SnapshotWriter } from '../../src/snapshot/writer.ts';
import { crc32c } from '../../src/wire/crc32c.ts';
import { inFolder, marksIn, PAGE, PAGES, withChain, writeSmall } from '../support/snapshots.ts';

const { pagesAt, stateAt } = placesOf(PAGES, PAGE);

/** Writes the checksum of a header anew, so that the next check behind it is reached. */
function seal(bytes: Buffer): void {
  bytes.writeUInt32LE(crc32c(bytes, 0, 4092), 4092);
}

/** Puts another state into a snapshot, with all its checksums. */
function withState(bytes: Buffer, text: string): Buffer {
  const state = Buffer.from(text);
  const changed = Buffer.concat([bytes.subarray(0, stateAt), state]);
  changed.writeBigUInt64LE(BigInt(state.length), 40);
  createHash('sha256').update(state).digest().copy(changed, 80);
  seal(changed);
  return changed;
}

describe('a snapshot', () => {
  it('gives back every page, the zero ones too', () =>
    inFolder((folder) => {
      const path = join(folder, 'a');
      writeSmall(path);
      withChain(path, (chain) => {
        expect(marksIn(chain)).toEqual(Array.from({ length: PAGES }, (_, gfn) => gfn));
        expect(chain.top.table.counts()).toEqual({ here: PAGES - 1, base: 0, zero: 1 });
        expect(chain.top.state).toMatchObject({ mode: 'offline', memslots: [PAGES] });
      });
    }));

  it.each<[string, RegExp, (bytes: Buffer) => Buffer | void]>([
    ['foreign', /is no snapshot of Pageferry: it begins with other bytes$/, (b) => void b.fill(1)],
    ['too short', /is no snapshot of Pageferry: it is too short$/, () => Buffer.from('short')],
    ['cut off in its header', /is cut off in its header$/, (b) => b.subarray(0, 4000)],
    ['torn', /is no complete snapshot: .* save again$/, (b) => void b.fill(0, 0, 4096)],
    ['of another version', /has snapshot version 2, but/, (b) => void b.writeUInt32LE(2, 8)],
    [
      'damaged in its header',
      /the checksum of its header differs$/,
      (b) => void b.writeUInt8(9, 17),
    ],
    [
      'of pages of no size',
      /its header has impossible sizes$/,
      (b) => {
        b.writeUInt32LE(5000, 12);
        seal(b);
      },
    ],
    [
      'of too many pages',
      /is too large: its header says 9007199254740991 pages/,
      (b) => {
        b.writeBigUInt64LE(2n ** 53n - 1n, 16);
        seal(b);
      },
    ],
    [
      'of too long a state',
      /is too large: .* and 67108865 bytes of state$/,
      (b) => {
        b.writeBigUInt64LE(64n * 1024n * 1024n + 1n, 40);
        seal(b);
      },
    ],
    [
      'with pages elsewhere',
      /its header has impossible places$/,
      (b) => {
        b.writeBigUInt64LE(4096n, 24);
        seal(b);
      },
    ],
    ['truncated', /is cut off: it has \d+ bytes of \d+$/, (b) => b.subarray(0, b.length - 1)],
    ['too long', /is damaged: 3 bytes follow its end$/, (b) => Buffer.concat([b, Buffer.alloc(3)])],
    [
      'damaged in its tables',
      /the checksum of its page tables differs$/,
      (b) => void b.fill(9, 4100, 4101),
    ],
    [
      'damaged in its state',
      /the checksum of its state differs$/,
      (b) => void b.fill(9, stateAt, stateAt + 1),
    ],
    ['of no JSON', /is damaged: its state is none of a guest$/, (b) => withState(b, '{"schema":')],
    [
      'of another state',
      /is damaged: its state is none of a guest$/,
      (b) => withState(b, '{"schema":"x"}'),
    ],
    [
      'damaged in a page',
      /is damaged: the checksum of page 5 differs$/,
      (b) => void b.fill(9, pagesAt + 5 * PAGE, pagesAt + 5 * PAGE + 1),
    ],
  ])('that is %s is refused with one sentence', (_, sentence, damage) =>
    inFolder((folder) => {
      const path = join(folder, 'a');
      writeSmall(path);
      const bytes = readFileSync(path);
      writeFileSync(path, damage(bytes) ?? bytes);
      expect(() => withChain(path, marksIn)).toThrow(sentence);
    }),
  );

  it('that is not there, or is a folder, is refused', () =>
    inFolder((folder) => {
      expect(() => new SnapshotChain(join(folder, 'b'))).toThrow(
        /b can't be read: there is no such/,
      );
      expect(() => new SnapshotChain(folder)).toThrow(/is no file$/);
    }));
});

describe('a differential snapshot', () => {
  const markOf = (gfn: number): number =>
    gfn < 10 ? gfn : gfn < 20 ? 100 + gfn : gfn === 30 ? 0 : gfn;

  it('has only the pages that differ, over a chain of bases', () =>
    inFolder((folder) => {
      const [one, two, three] = ['1', '2', '3'].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      writeSmall(one);
      withChain(one, (base) => writeSmall(two, { base, markOf }));
      const writer = withChain(two, (base) =>
        writeSmall(three, { base, markOf: (gfn) => (gfn === 50 ? 200 : markOf(gfn)) }),
      );
      expect(writer.counts).toEqual({ writtenPages: 1, zeroPages: 2, samePages: PAGES - 3 });
      withChain(three, (chain) => {
        expect(chain.files).toHaveLength(3);
        expect(marksIn(chain)).toEqual(
          Array.from({ length: PAGES }, (_, gfn) => (gfn === 50 ? 200 : markOf(gfn))),
        );
      });
      expect(withChain(two, (chain) => chain.top.table.counts())).toEqual({
        here: 10,
        base: PAGES - 12,
        zero: 2,
      });
    }));

  it('is found with its base when both have moved', () =>
    inFolder((folder) => {
      const [from, to] = [join(folder, 'from'), join(folder, 'to')];
      mkdirSync(from);
      writeSmall(join(from, 'base'));
      withChain(join(from, 'base'), (base) => writeSmall(join(from, 'next'), { base, markOf }));
      renameSync(from, to);
      expect(withChain(join(to, 'next'), marksIn)[15]).toBe(115);
    }));

  it('is refused without its base, and with another one', () =>
    inFolder((folder) => {
      const [base, next] = [join(folder, 'base'), join(folder, 'next')];
      writeSmall(base);
      withChain(base, (chain) => writeSmall(next, { base: chain, markOf }));
      writeSmall(base, { markOf });
      expect(() => withChain(next, marksIn)).toThrow(
        /next needs its base: .*base is another snapshot than the one that it was made from$/,
      );
      rmSync(base);
      expect(() => withChain(next, marksIn)).toThrow(
        /next needs its base: .*base can't be read: there is no/,
      );
    }));

  it('compares bytes, as sums alone could agree', () =>
    inFolder((folder) => {
      const [base, next] = [join(folder, 'base'), join(folder, 'next')];
      writeSmall(base);
      const chain = new SnapshotChain(base);
      // The sum of page 7 says that its bytes are those of the new page, which is not so.
      const { sums } = chain.top.table;
      const other = withChain(base, ({ top }) => top.table.sums.slice(18, 20));
      sums.set(other, 14);
      writeSmall(next, { base: chain, markOf: (gfn) => (gfn === 7 ? 9 : gfn) });
      chain.close();
      expect(withChain(next, marksIn)[7]).toBe(9);
    }));

  it('is not written for a guest of another size', () =>
    inFolder((folder) => {
      const base = join(folder, 'base');
      writeSmall(base);
      withChain(base, (chain) => {
        const spec = { path: join(folder, 'next'), pages: 32, pageSize: PAGE, base: chain };
        expect(() => new SnapshotWriter(spec)).toThrow(
          /base can't be a base of .*next: the guest has 32 pages of 4096 bytes, and that one 64 of 4096$/,
        );
      });
    }));

  it('is not written over a file of its chain', () =>
    inFolder((folder) => {
      const base = join(folder, 'base');
      writeSmall(base);
      withChain(base, (chain) => {
        expect(() => writeSmall(base, { base: chain })).toThrow(
          /pages of the new snapshot are in it/,
        );
      });
    }));
});
