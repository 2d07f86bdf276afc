import type { Clock } from '../../../clock/clock.ts';
import type { Link } from '../../../link/link.ts';
import type { Algorithm } from '../../../migration/ports.ts';
import type { CopyOnWrite } from '../../../replication/copy-on-write.ts';
import type { DiskImage, DiskMirror } from '../../../replication/disk.ts';
import type { NetBuffer } from '../../../replication/net-buffer.ts';
import type { GuestSide } from '../../common/guest-side.ts';
import type { JournalWriter } from './journal.ts';
import type { ProtectedHostTask } from './tasks.ts';
import type { ZlibGuard } from './zlib-guard.ts';

/** What the halves of a protection have of the host in whose thread they run. */
export interface HostSite {
  readonly task: ProtectedHostTask;
  readonly side: GuestSide;
  readonly clock: Clock;
  readonly journal: JournalWriter;
  readonly zlib: ZlibGuard;
  readonly net: NetBuffer;
  /** The disk and its mirror; absent if the guest has none. */
  readonly image: DiskImage | undefined;
  readonly mirror: DiskMirror | undefined;
  /** What saves pages before their first write, while the guest is protected so. */
  copyOnWrite: CopyOnWrite | undefined;
  /** The number of blocks that the guest has written here. */
  readonly writtenBlocks: number;
  /** Takes what the guest has emitted before as known: it runs here from now on, and what it emits leaves from here. */
  runFromHere(): void;
  /** Does what a host does while its thread waits: saves pages that vCPUs wait for, and emits what the guest sends. */
  attend(): void;
  /** Emits all that the guest's accesses have called for; while its vCPUs are parked, nothing is left over. */
  emit(): void;
  /** Drives one half of a protection to its end. Throws RunAborted when all is over. */
  drive<Result>(half: Algorithm<Result>, link: Link, isGuestSettled: () => boolean): Result;
}
