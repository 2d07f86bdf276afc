import type { FrameRoom } from '../link/link.ts';
import type { Encoder } from '../wire/encoder.ts';
import { encodeRanges, MAX_RANGES, type RangesName, rangesFrameBytes } from '../wire/ranges.ts';
import type { Algorithm } from './ports.ts';

/** What sends ranges of pages. */
export interface RangesSession {
  readonly encoder: Pick<Encoder, 'xbzrle'>;
  sendFrame(bytes: number, build: (room: FrameRoom) => number): Algorithm<void>;
}

/** Sends the ranges that `each` lists, in ascending order, in as many frames as they need. */
export function* sendRanges(
  session: RangesSession,
  name: RangesName,
  each: (take: (gfn: number, pages: number) => void) => void,
): Algorithm<void> {
  const list: number[] = [];
  each((gfn, pages) => {
    list.push(gfn, pages);
    // The destination may change pages that are named, so that it no longer has what was sent of them.
    session.encoder.xbzrle?.forget(gfn, pages);
  });
  for (let from = 0; from < list.length / 2; from += MAX_RANGES) {
    const ranges = Math.min(MAX_RANGES, list.length / 2 - from);
    yield* session.sendFrame(rangesFrameBytes(ranges), (room) =>
      encodeRanges(room.memory, room.at, name, list, from, ranges, room.sequence),
    );
  }
}
