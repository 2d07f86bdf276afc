import { constants, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type FilePort, nodeFiles } from '../../src/snapshot/file-port.ts';
import { SnapshotWriter } from '../../src/snapshot/writer.ts';
import {
  systemError,
  failingFiles,
  inFolder,
  marksIn,
  PAGE,
  pageOf,
  PAGES,
  withChain,
  writeSmall,
} from '../support/snapshots.ts';

describe('a snapshot that can not be written', () => {
  it.each([
    ['its file', 'open', 1, 'EACCES', /access is denied \(EACCES\)$/],
    ['its length', 'truncate', 1, 'EFBIG', /it would be larger than files may be \(EFBIG\)$/],
    ['its pages', 'write', 1, 'ENOSPC', /no space is left on the device \(ENOSPC\)$/],
    ['its tables', 'write', 2, 'ENOSPC', /no space is left/],
    ['its state', 'write', 3, 'EDQUOT', /the disk quota is used up/],
    ['its way to the disk', 'sync', 1, 'EIO', /the system says EIO$/],
    ['its header', 'write', 4, 'ENOSPC', /no space is left/],
    ['its name', 'rename', 1, 'EROFS', /the file system is read-only/],
  ] as const)('because of %s leaves the old file as it was', (_, name, nth, code, sentence) =>
    inFolder((folder) => {
      const path = join(folder, 'a');
      writeFileSync(path, 'old');
      const port = failingFiles(name, nth, code);
      expect(() => writeSmall(path, { port })).toThrow(sentence);
      expect(() => writeSmall(path, { port: failingFiles(name, nth, code) })).toThrow(
        /a can't be written: /,
      );
      expect(readdirSync(folder)).toEqual(['a']);
      expect(readFileSync(path, 'utf8')).toBe('old');
      writeSmall(path);
      expect(withChain(path, marksIn)[9]).toBe(9);
    }),
  );

  it('because a folder or a device has its name is refused', () =>
    inFolder((folder) => {
      mkdirSync(join(folder, 'a'));
      expect(() => writeSmall(join(folder, 'a'))).toThrow(/a folder has that name/);
      expect(() => writeSmall('/dev/null')).toThrow(/something else has that name/);
    }));
});

describe('a snapshot', () => {
  it('is written whole by a file system that takes some bytes at a time', () =>
    inFolder((folder) => {
      const path = join(folder, 'a');
      const write: FilePort['write'] = (fd, bytes, at, length, position) =>
        nodeFiles.write(fd, bytes, at, Math.min(length, 1000), position);
      writeSmall(path, { port: { ...nodeFiles, write } });
      expect(withChain(path, marksIn)[63]).toBe(63);
    }));

  it('is given up when a file system takes nothing and reports no error', () =>
    inFolder((folder) => {
      const port = { ...nodeFiles, write: () => 0 };
      expect(() => writeSmall(join(folder, 'a'), { port })).toThrow(/no space is left/);
    }));

  it.each([
    [
      'opened',
      (): FilePort => ({
        ...nodeFiles,
        open: (path, flags) => {
          if ((flags & constants.O_DIRECT) !== 0) throw systemError('EINVAL');
          return nodeFiles.open(path, flags);
        },
      }),
    ],
    ['written to', () => failingFiles('write', 1, 'EINVAL')],
  ])('goes through the page cache when the file can not be %s past it', (_, make) =>
    inFolder((folder) => {
      const path = join(folder, 'a');
      const writer = writeSmall(path, { port: make(), direct: true });
      expect(writer.isDirect).toBe(false);
      expect(withChain(path, marksIn)[63]).toBe(63);
    }),
  );

  it('has the last bytes of a page that is written again, and as a zero page none', () =>
    inFolder((folder) => {
      const path = join(folder, 'a');
      const writer = new SnapshotWriter({ path, pages: PAGES, pageSize: PAGE });
      for (const mark of [1, 2])
        for (let gfn = 0; gfn < 8; gfn++) writer.put(gfn, 1, pageOf(mark + gfn), 0);
      writer.zero(3, 1);
      writer.zero(4, 1);
      writer.put(4, 1, pageOf(44), 0);
      writer.commit({ mode: 'live', scenario: {}, memslots: [PAGES], vcpus: [] });
      expect(withChain(path, marksIn).slice(0, 9)).toEqual([2, 3, 4, 0, 44, 7, 8, 9, 0]);
      expect(writer.counts).toEqual({ writtenPages: 17, zeroPages: 2, samePages: 0 });
    }));
});
