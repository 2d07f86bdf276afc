import type { Algorithm } from '../migration/ports.ts';
import type { SourceSession } from '../migration/source-session.ts';
import { unthrottle } from '../migration/unthrottle.ts';
import type { PrimarySide } from './ports.ts';

/** Frees a guest from all that its replication has done to it: it is logged no more, and runs on, also if it is paused. */
export function* endReplication(
  session: SourceSession,
  { guest, clock, capture, disk }: PrimarySide,
  isPaused: boolean,
): Algorithm<void> {
  const { log } = session;
  session.phase = 'over';
  unthrottle(session.side.guest);
  capture.abandon();
  log.stop();
  while (!guest.isSettled()) yield { guest: true, untilNs: clock.now() + 1e9 };
  log.close();
  disk?.mirror.end();
  if (isPaused) guest.resume();
  while (!guest.isSettled()) yield { guest: true, untilNs: clock.now() + 1e9 };
}
