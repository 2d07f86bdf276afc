/** Limits of the wire format; a peer that goes beyond one is refused before anything is allocated. */

/** Guest bytes in one page frame: 128 KiB, or one page if that is more. */
export const BATCH_BYTES = 131072;
export const MAX_PAGE_SIZE = 2 * 1024 * 1024;
/** A control message: the state of hundreds of streams fits. */
export const MAX_CONTROL_BYTES = 1024 * 1024;
/** The longest frame there can be: one page of 2 MiB, or a control message. */
export const MAX_FRAME_BYTES = MAX_PAGE_SIZE + 65536;

/** Pages of one batch. */
export function batchPages(pageSize: number): number {
  return Math.max(1, Math.floor(BATCH_BYTES / pageSize));
}
