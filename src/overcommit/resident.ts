import type { HostedBalloon } from './balloon.ts';
import type { Boot } from './boot.ts';
import type { GuestGrant } from './config.ts';
import type { GuestPages } from './guest-pages.ts';
import type { Sampler } from './sampler.ts';

/** A guest as its host drives it. */
export interface HostedGuest {
  /** Brings the guest to a point in time, so that its memory may be read. */
  advance(toNs: number): void;
  /** Whether its vCPUs run; they stand still while a migration moves their state. */
  isRunning(): boolean;
  /** The guest's own time, which passes only while it runs. */
  guestNs(): number;
  /** Has the guest's vCPUs stand still for so long. */
  block(ns: number): void;
}

/** A guest with all that its host keeps of it. */
export interface Resident {
  readonly pages: GuestPages;
  readonly sampler: Sampler;
  grant: GuestGrant;
  /** It is absent until the guest has been created, which needs the layers of its gate. */
  guest?: HostedGuest;
  /** The driver of its balloon; it is absent when the guest has none, and then its pages can only be paged out. */
  balloon?: HostedBalloon;
  /** The boot of a guest that zeroes its memory, until it is over. */
  boot?: Boot | undefined;
  /** How many pages of its balloon it has touched after a reset. */
  popped: number;
  /** What its balloon is to have at least, because the guest is about to migrate; absent otherwise. */
  leastBalloonPages?: number;
  /** The pages that it should have by the last division of the host's memory. */
  targetPages: number;
  /** How many pages may be scanned by now, as fractions add up. */
  scanCredit: number;
  /** The machine pages of its overhead. */
  readonly overhead: readonly number[];
}
