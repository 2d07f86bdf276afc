import { openSlot } from '../../../memory/memslot.ts';
import { SnapshotError } from '../../../snapshot/file-port.ts';
import { loadPages } from '../../../snapshot/load-pages.ts';
import { SnapshotChain } from '../../../snapshot/reader.ts';
import type { SharedGuestSide } from '../guest-side.ts';
import type { SlotPages } from '../ranges.ts';

/** A snapshot that this thread has open, because the pieces of one restore follow one another. */
let kept: SnapshotChain | undefined;

/** Which pages of which snapshot are read, and the access list of the slot that this call may overwrite. */
export interface PagesToRead extends SlotPages {
  readonly path: string;
  /** The snapshot's identity, in hexadecimal digits. */
  readonly identity: string;
  readonly list: number;
}

/** Reads a piece of a snapshot into memory that nobody has written since it was taken, in this thread. Returns why that can't be done, or undefined. */
export function readPages(
  { slots }: SharedGuestSide,
  { path, identity, list, slot, firstPage, pages }: PagesToRead,
): string | undefined {
  try {
    const shared = slots[slot]!;
    const { isFresh } = shared;
    loadPages(open(path, identity), openSlot(shared), firstPage, pages, { list, isFresh });
    return undefined;
  } catch (error) {
    closeSnapshot();
    if (!(error instanceof SnapshotError)) throw error;
    return error.message;
  }
}

function open(path: string, identity: string): SnapshotChain {
  const isKept = kept?.top.path === path && kept.top.identity.toString('hex') === identity;
  if (kept && isKept) return kept;
  closeSnapshot();
  kept = new SnapshotChain(path);
  if (kept.top.identity.toString('hex') === identity) return kept;
  throw new SnapshotError(`${path} has become another snapshot since it was opened`);
}

function closeSnapshot(): void {
  kept?.close();
  kept = undefined;
}
