import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { LockedError, releaseLock, takeLock } from '../../../src/lab/sweep/lock.ts';
import { digestOf } from '../../../src/lab/sweep/program.ts';

const folder = mkdtempSync(join(tmpdir(), 'pageferry-lock-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

const path = join(folder, 'lock');
beforeEach(() => rmSync(path, { force: true }));

/** No process has so large a number. */
const GONE = 4_999_999;

/** What this process writes into a lock: its machine, its number, and where that number counts. */
function ownLock(): string[] {
  takeLock(path);
  const parts = readFileSync(path, 'utf8').split(' ');
  releaseLock(path);
  return parts;
}

const lockOf = (...parts: (string | number)[]): void => writeFileSync(path, parts.join(' '));

describe('a lock', () => {
  it('names the machine and the process, and is gone when it is given back', () => {
    expect(ownLock().slice(0, 2)).toEqual([hostname(), String(process.pid)]);
    expect(existsSync(path)).toBe(false);
  });

  it('is held until it is given back, and by nobody else', () => {
    takeLock(path);
    expect(() => takeLock(path)).toThrow(LockedError);
    // Somebody took it away and has it now.
    lockOf('elsewhere', 1);
    releaseLock(path);
    expect(readFileSync(path, 'utf8')).toBe('elsewhere 1');
  });

  it('is taken over from a process of this machine that is gone, whoever wrote it', () => {
    const [host = '', , ...place] = ownLock();
    for (const parts of [
      [host, GONE],
      [host, GONE, ...place],
    ]) {
      lockOf(...parts);
      takeLock(path);
      expect(readFileSync(path, 'utf8')).toContain(` ${process.pid} `);
      expect(existsSync(`${path}.takeover`)).toBe(false);
      releaseLock(path);
    }
  });

  it('of another machine is never taken over: its processes can not be seen from here', () => {
    lockOf('elsewhere', GONE);
    expect(() => takeLock(path)).toThrow(
      `is written by process ${GONE} on elsewhere: wait for it, or give each machine a store of its own (--shard i/n, then merge); if that process is gone, remove ${path}`,
    );
    lockOf(hostname(), GONE, 'another-boot', 'pid:[1]');
    expect(() => takeLock(path)).toThrow('(another machine or container of that name, or this one');
    expect(readFileSync(path, 'utf8')).toContain('another-boot');
  });

  it('that is being made or taken over is left alone', () => {
    lockOf('');
    expect(() => takeLock(path)).toThrow(`is being locked by another process: try again`);
    lockOf(hostname(), GONE);
    writeFileSync(`${path}.takeover`, 'elsewhere 1');
    expect(() => takeLock(path)).toThrow(
      `is being taken over by another process: try again, or remove ${path}.takeover if there is none`,
    );
    rmSync(`${path}.takeover`);
  });
});

describe('the digest of a program', () => {
  it('tells contents and names apart, and looks at code alone', () => {
    const file = (name: string, content: string): string => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const wasm = file('kernels.wasm', 'w');
    const digest = (...files: string[]): string => digestOf(folder, files, wasm);
    const [a, b] = [file('a.js', 'x'), file('b.js', 'x')];
    const before = digest(a);
    expect(digest(b)).not.toBe(before);
    expect(digest(a, file('a.d.ts', 'y'), file('a.md', 'y'))).toBe(before);
    file('a.js', 'y');
    expect(digest(a)).not.toBe(before);
    file('a.js', 'x');
    expect(digest(a)).toBe(before);
    file('kernels.wasm', 'v');
    expect(digest(a)).not.toBe(before);
  });
});
