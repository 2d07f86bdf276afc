import { BlockList } from './block-list.ts';
import { batchPages } from './limits.ts';

/** The pages of a frame before they are written into it: each has an encoding, those that are not zero also their bytes. */
export interface StagedPages {
  count: number;
  /** The page within its memslot, and its encoding. */
  readonly pages: Uint32Array;
  readonly kinds: Uint8Array;
  /** A page after the other; these are private copies, which no vCPU writes. */
  readonly bytes: Uint8Array;
  /** The block of each page that is sent as what has changed of it. */
  readonly own: BlockList;
  /** The blocks of compressed pages, each of several of them (packer.ts). */
  readonly packed: BlockList;
}

/** Returns room for the pages of one frame. */
export function openStaged(pageSize: number): StagedPages {
  const most = batchPages(pageSize);
  return {
    count: 0,
    pages: new Uint32Array(most),
    kinds: new Uint8Array(most),
    bytes: new Uint8Array(most * pageSize),
    own: new BlockList(most, most * pageSize),
    packed: new BlockList(most, most * pageSize),
  };
}

export function clearStaged(staged: StagedPages): void {
  staged.count = 0;
  staged.own.clear();
  staged.packed.clear();
}

/** Adds a page of a memslot; its bytes, if it has any, have been put in their place (`stagedAt`). */
export function addStaged(staged: StagedPages, page: number, kind: number): void {
  staged.pages[staged.count] = page;
  staged.kinds[staged.count] = kind;
  staged.count++;
}

/** Returns the bytes of a staged page, or the place of the next one's. */
export const stagedAt = ({ bytes }: StagedPages, index: number, pageSize: number): Uint8Array =>
  bytes.subarray(index * pageSize, (index + 1) * pageSize);
