import { WireError } from '../wire/frame.ts';
import { encodeRanges, MAX_RANGES, rangesFrameBytes } from '../wire/ranges.ts';
import type { Algorithm, DestinationGuest, Side } from './ports.ts';

/** The destination waits this much longer than the source, which decides when to give up. */
const GRACE_NS = 120e9;
/** A source that takes no frame for this long counts as gone. */
const PATIENCE_NS = 120e9;

/**
 * Waits for a new connection and uses it from then on. Meanwhile vCPUs run on until they fault. Throws
 * WireError if none comes within `withinNs` and the grace period.
 */
export function* awaitNextConnection({ link, clock }: Side, withinNs: number): Algorithm<void> {
  const untilNs = clock.now() + withinNs + GRACE_NS;
  while (!link.canReconnect()) {
    if ((yield { connection: true, untilNs }) !== 'time') continue;
    throw new WireError('the link died and no new connection came');
  }
  link.reconnect();
}

/** Ignores all frames until the link throws because the source is gone; throws WireError if it stays. */
export function* untilGone({ link, clock }: Side): Algorithm<never> {
  const untilNs = clock.now() + PATIENCE_NS;
  for (;;) {
    if (link.poll()) continue;
    if ((yield { frame: true, untilNs }) === 'time')
      throw new WireError('the source has not closed the link');
  }
}

/** Tells the source in RECEIVED frames which pages are present; returns their number. */
export function* tellReceived(side: Side, guest: DestinationGuest): Algorithm<number> {
  const { presence, memory } = guest;
  const list: number[] = [];
  let presentPages = 0;
  for (let from = 0; from < memory.pages;) {
    from = presence.listPresent(from, MAX_RANGES, list);
    for (let i = 1; i < list.length; i += 2) presentPages += list[i]!;
    if (list.length > 0) yield* sendRanges(side, list);
  }
  return presentPages;
}

function* sendRanges({ link, clock }: Side, list: readonly number[]): Algorithm<void> {
  const ranges = list.length / 2;
  const untilNs = clock.now() + PATIENCE_NS;
  let room = link.room(rangesFrameBytes(ranges), 'control');
  while (!room) {
    if ((yield { credit: 'control', untilNs }) === 'time') {
      throw new WireError('the source does not take the ranges that it asked for');
    }
    room = link.room(rangesFrameBytes(ranges), 'control');
  }
  link.post(encodeRanges(room.memory, room.at, 'received', list, 0, ranges, room.sequence));
}
