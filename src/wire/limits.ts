/** Limits of the wire format. A frame that exceeds one is refused before anything is allocated for it. */

/** A page frame carries at most this many guest bytes (128 KiB), or one page if a page is larger. */
export const BATCH_BYTES = 131072;
/** The largest page size, in bytes. */
export const MAX_PAGE_SIZE = 2 * 1024 * 1024;
/** The longest control message, in bytes; the state of hundreds of streams fits into it. */
export const MAX_CONTROL_BYTES = 1024 * 1024;
/** The longest frame, in bytes: one page of 2 MiB and what stands around it. */
export const MAX_FRAME_BYTES = MAX_PAGE_SIZE + 65536;

/** Returns how many pages one page frame carries at most. */
export function batchPages(pageSize: number): number {
  return Math.max(1, Math.floor(BATCH_BYTES / pageSize));
}
