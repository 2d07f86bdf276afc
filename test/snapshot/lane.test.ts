import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeFiles } from '../../src/snapshot/file-port.ts';
import { runLane, ThreadLane } from '../../src/snapshot/lane.ts';
import { createSlabs, SLAB_BYTES } from '../../src/snapshot/slabs.ts';
import { inFolder, systemError } from '../support/snapshots.ts';

/** Puts pieces of a quarter of a slab, each full of its number, to places that are not in their order. */
function fill(lane: ThreadLane, pieces: number): void {
  const bytes = SLAB_BYTES / 4;
  for (let piece = 0; piece < pieces; piece++) {
    const at = lane.reserve(bytes);
    lane.slabs.bytes.fill(piece + 1, at, at + bytes);
    lane.keep(bytes, ((piece * 5) % 8) * bytes);
  }
}

describe('a lane whose slabs another thread writes', () => {
  it('has them written to their places, in the order in which they were filled', () =>
    inFolder((folder) => {
      const path = join(folder, 'a');
      writeFileSync(path, '');
      const slabs = createSlabs(4);
      const lane = new ThreadLane(slabs);
      // The ninth and tenth pieces go to the places of the first and the second.
      fill(lane, 10);
      // What is queued is written although the lane is closed already.
      lane.reserve(SLAB_BYTES);
      lane.close();
      let rings = 0;
      runLane(nodeFiles, { slabs, path, direct: false }, () => rings++);
      lane.settle();
      const bytes = readFileSync(path);
      const marks = Array.from({ length: 8 }, (_, i) => bytes[i * (SLAB_BYTES / 4)]);
      expect(marks).toEqual([9, 6, 3, 8, 5, 10, 7, 4]);
      expect(rings).toBe(3);
    }));

  it('is full when every slab but the one in hand waits for the writer', () => {
    const lane = new ThreadLane(createSlabs(3));
    fill(lane, 8);
    expect(lane.hasRoom(SLAB_BYTES)).toBe(true);
    fill(lane, 4);
    expect(lane.hasRoom(1)).toBe(false);
  });

  it.each([
    ['opened', { open: () => fail('EACCES') }, 'EACCES'],
    ['written', { write: () => fail('ENOSPC') }, 'ENOSPC'],
  ])('tells that the file can not be %s, and does not wait for ever', (_, port, code) => {
    const slabs = createSlabs(3);
    const lane = new ThreadLane(slabs);
    fill(lane, 8);
    lane.reserve(1);
    lane.close();
    runLane(
      { ...nodeFiles, ...port },
      { slabs, path: '/dev/null', direct: false },
      () => undefined,
    );
    expect(() => lane.keep(1, 0)).toThrow(expect.objectContaining({ code }));
  });
});

function fail(code: string): never {
  throw systemError(code);
}
