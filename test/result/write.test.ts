import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reasonOf, writeAtomically, WriteError } from '../../src/result/write.ts';

describe('writeAtomically', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'result-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('holds signals once however many files are written in one turn, and lets go of them', async () => {
    const count = (): number => process.listenerCount('SIGTERM');
    const before = count();
    for (let i = 0; i < 12; i++) {
      writeAtomically(join(folder, `${i}.json`), '{}');
      expect(count()).toBe(before + 1);
    }
    for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(count()).toBe(before);
  });

  it('writes a new file and leaves nothing beside it', () => {
    writeAtomically(join(folder, 'new.json'), '{}');
    expect(readFileSync(join(folder, 'new.json'), 'utf8')).toBe('{}');
    expect(readdirSync(folder)).toEqual(['new.json']);
  });

  it('replaces a file whole, however much shorter the new one is', () => {
    const path = join(folder, 'old.json');
    writeFileSync(path, 'x'.repeat(100_000));
    writeAtomically(path, 'y');
    expect(readFileSync(path, 'utf8')).toBe('y');
    expect(readdirSync(folder)).toEqual(['old.json']);
  });

  it('never changes a file that somebody has open', () => {
    const path = join(folder, 'old.json');
    writeFileSync(path, 'old');
    const before = readFileSync(path);
    symlinkSync(path, join(folder, 'link.json'));
    writeAtomically(join(folder, 'link.json'), 'new');
    expect(before.toString()).toBe('old');
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(readdirSync(folder).toSorted()).toEqual(['link.json', 'old.json']);
  });

  it('leaves the old file as it was when it fails', () => {
    const path = join(folder, 'old.json');
    writeFileSync(path, 'old');
    // The name of the temporary file is taken by something that can't be written to.
    mkdirSync(join(folder, `old.json.${process.pid}.tmp`, 'taken'), { recursive: true });
    expect(() => writeAtomically(path, 'new')).toThrow(/EISDIR/);
    expect(readFileSync(path, 'utf8')).toBe('old');
  });

  it('leaves nothing behind when the content can not be written', () => {
    const content = { toString: () => 'no text' } as unknown as string;
    expect(() => writeAtomically(join(folder, 'new.json'), content)).toThrow(TypeError);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('refuses a folder, and one that is not there', () => {
    expect(() => writeAtomically(folder, '{}')).toThrow(/EISDIR/);
    expect(() => writeAtomically(join(folder, 'gone', 'new.json'), '{}')).toThrow(/ENOENT/);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('says why, in words where it knows the code', () => {
    const says = (code?: string) =>
      reasonOf(Object.assign(new Error('it broke'), code ? { code } : {}));
    expect(says('EROFS')).toBe('the file system is read-only (EROFS)');
    expect(says('EODD')).toBe('the system says EODD');
    expect(says()).toBe('it broke');
    const gone = join(folder, 'gone', 'new.json');
    expect(() => writeAtomically(gone, '{}')).toThrow(
      new WriteError(gone, 'its folder is not there (ENOENT)'),
    );
  });

  it('holds no signal for longer than the write', async () => {
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    // Those of earlier writes are gone by then.
    for (let i = 0; i < 3; i++) await turn();
    const before = process.listenerCount('SIGTERM');
    writeAtomically(join(folder, 'new.json'), '{}');
    expect(process.listenerCount('SIGTERM')).toBe(before + 1);
    for (let i = 0; i < 3; i++) await turn();
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });

  it('writes into a pipe instead of putting a file in its place', () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const pipe = openSync(path, 'r+');
    try {
      writeAtomically(path, '{}');
      const read = Buffer.alloc(10);
      expect(readSync(pipe, read)).toBe(2);
      expect(statSync(path).isFIFO()).toBe(true);
      expect(readdirSync(folder)).toEqual(['pipe']);
    } finally {
      closeSync(pipe);
    }
  });
});
