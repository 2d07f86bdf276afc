import type { DeviceSpec } from '../guest/devices/device.ts';
import type { OpenPeerPages } from '../wire/reference-reader.ts';
import type { PageTally } from '../wire/tally.ts';
import type { PageReceivers } from './channels/ports.ts';
import type { DestinationGuest, Side } from './ports.ts';

/** What the destination's half works with. */
export interface DestinationSide extends Side {
  readonly guest: DestinationGuest;
  /** The devices of the guest; absent if it has none. */
  readonly devices?: readonly DeviceSpec[];
  /** The channels that bring pages beside the link; absent if there are none. */
  readonly receivers?: PageReceivers;
  /** The guests that have moved to this host, by number, which this one joins; without them, it is alone. */
  readonly peers?: OpenPeerPages;
  /**
   * How long the source waits for a new connection after RUN. Without it, the loss of the connection
   * ends the migration.
   */
  readonly recoverWithinNs?: number;
}

/** How a migration went, as its destination saw it. */
export interface DestinationReport {
  readonly outcome: 'completed' | 'cancelled' | 'failed';
  /** Why it failed. */
  readonly error?: string;
  /** Counts the pages that arrived, by encoding. */
  readonly tally: PageTally;
  /** The number of pages that arrived when they were present already, and were dropped. */
  readonly droppedPages: number;
}
