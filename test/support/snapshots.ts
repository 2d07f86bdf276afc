import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SaveRequest } from '../../src/runtime/common/snapshot/save-report.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import { createSlot, openSlot } from '../../src/memory/memslot.ts';
import { type FilePort, nodeFiles } from '../../src/snapshot/file-port.ts';
import { loadPages } from '../../src/snapshot/load-pages.ts';
import { SnapshotChain } from '../../src/snapshot/reader.ts';
import { SnapshotWriter } from '../../src/snapshot/writer.ts';
import { smallRun } from './run-config.ts';

/** Calls `act` with a folder that is removed afterwards. */
export async function inFolder(act: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pageferry-snapshot-'));
  try {
    await act(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Returns a request to save to a file; the scenario in it is only a mark. */
export const saveTo = (path: string, changes: Partial<SaveRequest> = {}): SaveRequest => ({
  path,
  mode: 'offline',
  scenario: { name: 'test' },
  channels: 1,
  direct: false,
  ...changes,
});

/** Returns a guest of 4 MiB with two memslots that writes, on a virtual clock. */
export function smallGuest(changes: Parameters<typeof smallRun>[0] = {}): RunConfig {
  const run = smallRun({ runtime: 'virtual', ...changes });
  const pages = 1024;
  return {
    ...run,
    guest: {
      ...run.guest,
      memoryBytes: pages * 4096,
      memslots: 2,
      contents: [{ firstGfn: 0, pages, kind: 'mixed', zeroShare: 0.2 }],
      workloads: [{ ...run.guest.workloads[0]!, firstGfn: 100, pages: 600 }],
      ...changes.guest,
    },
  };
}

/** The page size and the number of pages of snapshots that tests write page by page. */
export const PAGE = 4096;
export const PAGES = 64;

/** Returns the bytes of a page that is told from others by `mark`; that of 0 is zero. */
export const pageOf = (mark: number): Uint8Array => new Uint8Array(PAGE).fill(mark);

export interface SmallSnapshot {
  readonly base?: SnapshotChain;
  readonly port?: FilePort;
  readonly direct?: boolean;
  /** The mark of each page; by default, page n has n. */
  readonly markOf?: (gfn: number) => number;
}

/** Writes a snapshot of PAGES pages page by page. Its state is that of no guest. */
export function writeSmall(path: string, options: SmallSnapshot = {}): SnapshotWriter {
  const { base, port = nodeFiles, direct = false, markOf = (gfn) => gfn } = options;
  const spec = { path, pages: PAGES, pageSize: PAGE, base, direct };
  const writer = new SnapshotWriter(spec, port);
  try {
    for (let gfn = 0; gfn < PAGES; gfn++) writer.put(gfn, 1, pageOf(markOf(gfn)), 0, true);
    writer.commit({ mode: 'offline', scenario: {}, memslots: [PAGES], vcpus: [] });
  } catch (error) {
    writer.abandon();
    throw error;
  }
  return writer;
}

/** Opens a snapshot, hands its chain to `act`, and closes it. */
export function withChain<Result>(path: string, act: (chain: SnapshotChain) => Result): Result {
  const chain = new SnapshotChain(path);
  try {
    return act(chain);
  } finally {
    chain.close();
  }
}

/** Loads the pages of a snapshot, with all checks, into new memory that held other bytes; returns the mark of each. */
export function marksIn(chain: SnapshotChain): number[] {
  const geometry = { pages: PAGES, pageSize: PAGE, writers: 1, streams: 1, tableBytes: 0 };
  const slot = openSlot(createSlot({ ...geometry, skewPages: 0 }));
  slot.ram.fill(0xee);
  loadPages(chain, slot, 0, PAGES, { list: 0, isFresh: false });
  return Array.from({ length: PAGES }, (_, gfn) => {
    const page = slot.ram.subarray(gfn * PAGE, (gfn + 1) * PAGE);
    return page.every((byte) => byte === page[0]) ? page[0]! : -1;
  });
}

/** Returns an error as the system throws it. */
export const systemError = (code: string): Error => Object.assign(new Error(code), { code });

/** A file system in which one call fails: the n-th of that name, from 1. */
export function failingFiles(name: keyof FilePort, nth: number, code: string): FilePort {
  let calls = 0;
  const call = nodeFiles[name] as (...args: unknown[]) => unknown;
  const failingCall = (...args: unknown[]): unknown => {
    if (++calls === nth) throw systemError(code);
    return call(...args);
  };
  return { ...nodeFiles, [name]: failingCall };
}
