/** Limits of the wire format. A frame that exceeds one is refused before anything is allocated for it. */

/** A page frame carries at most this many guest bytes (128 KiB), or one page if a page is larger. */
export const BATCH_BYTES = 131072;
/** The largest page that travels whole in a frame, in bytes; a larger one travels in parts. */
export const MAX_WHOLE_PAGE = 2 * 1024 * 1024;
/** Where a part of a page begins and ends is a multiple of this many bytes, which are QEMU's target page. */
export const PART_UNIT = 4096;
/** A frame with a part of a page carries at most this many bytes of it. */
export const MAX_PART_BYTES = BATCH_BYTES;
/** A frame names at most this many pages by reference. */
export const MAX_REFERENCES = 1024;
/** A connection has at most this many channels for pages. QEMU takes up to 255 (multifd-channels). */
export const MAX_CHANNELS = 64;
/** The longest control message, in bytes; the state of hundreds of streams fits into it. */
export const MAX_CONTROL_BYTES = 1024 * 1024;
/** The longest frame, in bytes: one page of 2 MiB and what stands around it. */
export const MAX_FRAME_BYTES = MAX_WHOLE_PAGE + 65536;

/** Returns how many pages one page frame carries at most. */
export function batchPages(pageSize: number): number {
  return Math.max(1, Math.floor(BATCH_BYTES / pageSize));
}
