import { vi } from 'vitest';
import { MemoryManager } from '../../src/guest/memory-manager.ts';
import { LineEnd } from '../../src/link/line.ts';
import type { LogReader } from '../../src/memory/dirty-logs/log-reader.ts';
import { GuestPageSet } from '../../src/memory/guest-memory.ts';
import { PresenceMap } from '../../src/memory/presence/presence-map.ts';
import { SourceRecovery } from '../../src/migration/recovery.ts';
import { SourceSession } from '../../src/migration/source-session.ts';
import { SharedSourceGuest } from '../../src/runtime/common/guests.ts';

/** Functions that each plant one bug into an algorithm; `vi.restoreAllMocks` takes it out again. */
export const PLANTED_BUGS: Readonly<Record<string, () => void>> = {
  'the last harvest is left out': () => {
    const { pauseAndHarvest } = SourceSession.prototype;
    vi.spyOn(SourceSession.prototype, 'pauseAndHarvest').mockImplementation(function* (
      this: SourceSession,
    ) {
      const log = this.log as { collectLast: LogReader['collectLast'] };
      const before = log.collectLast;
      log.collectLast = () => 0;
      yield* pauseAndHarvest.call(this);
      log.collectLast = before;
    });
  },
  'a source that fails does not go on': () => {
    vi.spyOn(SharedSourceGuest.prototype, 'resume').mockImplementation(() => undefined);
  },
  'presence is published before it is asked for': () => {
    vi.spyOn(PresenceMap.prototype, 'claim').mockImplementation(() => true);
  },
  'pages that were skipped are forgotten': () => {
    const { take } = GuestPageSet.prototype;
    vi.spyOn(GuestPageSet.prototype, 'take').mockImplementation(function (
      this: GuestPageSet,
      ...given
    ) {
      const taken = take.apply(this, given);
      return taken.pages > 3
        ? { ...taken, runs: taken.runs, pages: taken.pages - 1, list: shorter(taken.list) }
        : taken;
    });
  },
  'what was under way when a connection was lost is forgotten': () => {
    vi.spyOn(SourceRecovery.prototype, 'markLost').mockImplementation(() => undefined);
  },
  'a destination says that it has what is still on its way': () => {
    const { listPresent } = PresenceMap.prototype;
    vi.spyOn(PresenceMap.prototype, 'listPresent').mockImplementation(function (
      this: PresenceMap,
      ...[, , list]
    ) {
      const pages = listPresent.call(this, 0, Infinity, []);
      list.splice(0, list.length, 0, pages);
      return pages;
    });
  },
  'nobody notices that there is a new connection': () => {
    vi.spyOn(LineEnd.prototype, 'isRestored').mockImplementation(() => false);
  },
  'pages that the guest has got back are not sent': () => {
    vi.spyOn(GuestPageSet.prototype, 'moveAllFrom').mockImplementation(() => undefined);
  },
  'a zeroing is replayed by nobody': () => {
    vi.spyOn(MemoryManager.prototype, 'log', 'get').mockReturnValue([]);
  },
  'a destination that makes nothing absent': () => {
    vi.spyOn(PresenceMap.prototype, 'discard').mockImplementation(() => true);
  },
};

/** Returns a copy of a run list whose last run is a page shorter. */
function shorter(list: Uint32Array): Uint32Array {
  const copy = list.slice();
  copy[copy.length - 1]! -= 1;
  return copy;
}
