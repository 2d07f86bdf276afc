import { WireError } from '../wire/frame.ts';
import { encodeRanges, MAX_RANGES, rangesFrameBytes } from '../wire/ranges.ts';
import type { Algorithm, DestinationGuest, Side } from './ports.ts';

/** The source decides when to give up; the destination waits that much longer than it. */
const GRACE_NS = 120e9;
/** A source that takes nothing for this long is gone. */
const PATIENCE_NS = 120e9;

/** Waits for a new connection and goes over to it; what vCPUs do meanwhile needs no engine. */
export function* awaitNextConnection({ link, clock }: Side, withinNs: number): Algorithm<void> {
  const untilNs = clock.now() + withinNs + GRACE_NS;
  while (!link.canReconnect()) {
    if ((yield { connection: true, untilNs }) !== 'time') continue;
    throw new WireError('the link died and no new connection came');
  }
  link.reconnect();
}

/** Takes no notice of what still comes; ends by throwing what the link says when the source is gone. */
export function* untilGone({ link, clock }: Side): Algorithm<never> {
  const untilNs = clock.now() + PATIENCE_NS;
  for (;;) {
    if (link.poll()) continue;
    if ((yield { frame: true, untilNs }) === 'time') throw new WireError('the source stays');
  }
}

/** Tells the source which pages are here, in RECEIVED frames of ranges; returns how many they are. */
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
      throw new WireError('the source does not take what it asked for');
    }
    room = link.room(rangesFrameBytes(ranges), 'control');
  }
  link.post(encodeRanges(room.memory, room.at, 'received', list, 0, ranges, room.sequence));
}
