import type { Clock } from '../clock/clock.ts';
import type { VcpuState } from '../guest/vcpu-state.ts';
import type { FrameKind, Link } from '../link/link.ts';
import type { LogReader } from '../memory/dirty-logs/log-reader.ts';
import type { HintEntry } from '../memory/hint-queues.ts';
import type { GuestMemory, GuestPageSet } from '../memory/guest-memory.ts';
import type { PageStates } from '../memory/page-states.ts';
import type { PresenceMap } from '../memory/presence/presence-map.ts';
import type { DestinationHost, SourceHost } from './hosting.ts';

/** A guest's own memory manager, as the source's algorithm sees it. */
export interface GuestManager {
  readonly states: PageStates;
  /** The number of the kernel's pages, which begin at gfn 0 and can't be paged. */
  readonly kernelPages: number;
  /** Pages that were taken out of the unsent ones because the guest had given them back. */
  readonly aside: GuestPageSet;
  /** Asks the guest to give its free pages back, if the scenario wants that before a migration. */
  release(): void;
  /** Returns how many times the guest has given pages back. */
  balloonings(): number;
  /** Takes this many pageable pages from the processes of the paused guest (pseudo-paging). */
  pseudoPage(this: void, pages: number): void;
}

/** The guest's driver of free-page hinting, as the source's algorithm sees it. */
export interface GuestHints {
  /** The number of queues; each has a part of the guest's pages. */
  readonly queues: number;
  /** Returns an id that no migration has used before. */
  nextId(this: void): number;
  /** Shows the guest a command: HINT_STOP, HINT_DONE, or an id of HINT_FIRST_ID or more. */
  command(this: void, command: number): void;
  /**
   * Takes the next entry out of a queue to which the host has come by now; undefined if there is none. With `hurries`
   * the host takes what the guest has put in, however long that takes.
   */
  next(this: void, queue: number, hurries: boolean): HintEntry | undefined;
}

/**
 * The guest as the source's algorithm sees it. A call that asks the vCPUs for something returns at once;
 * they have answered when `isSettled()` is true, which is what a wait for `guest` waits for.
 */
export interface SourceGuest {
  readonly memory: GuestMemory;
  readonly vcpus: number;
  /** The memory manager, if the guest has one. */
  readonly manager?: GuestManager;
  /** Its host, if that is overcommitted. */
  readonly host?: SourceHost;
  /** Its free-page hinting; absent unless it has any. */
  readonly hints?: GuestHints;
  /** Opens the guest's dirty log for one reader with a page set of its own; the caller closes it. */
  openLog(): LogReader;
  /** Returns the gfns of the paused guest in the order in which they lie in its swap device. */
  swapOrder(kind: 'allocation' | 'lru'): Uint32Array;
  /** Asks every vCPU to park. */
  pause(): void;
  /** Asks every vCPU to go on. */
  resume(): void;
  /** Takes a share of its time (0 to 0.99) from one vCPU, or from all. */
  throttle(share: number, vcpu?: number): void;
  /** Makes a process that dirties this many pages from now on wait until this is called with 0. */
  stun(faults: number): void;
  /** Returns the state of each vCPU of the paused guest. */
  vcpuState(): VcpuState[];
  /** Returns whether every vCPU has answered what it was asked. */
  isSettled(): boolean;
}

/** The guest as the destination's algorithm sees it; its vCPUs are parked until `run`. */
export interface DestinationGuest {
  readonly memory: GuestMemory;
  readonly vcpus: number;
  readonly presence: PresenceMap;
  /** The states of the pages, if the guest has a memory manager. */
  readonly states?: PageStates;
  /** Its host, if that is overcommitted. */
  readonly host?: DestinationHost;
  /** Loads the vCPUs' state; returns undefined, or why it does not fit. */
  load(states: readonly VcpuState[]): string | undefined;
  /** Asks every vCPU to run. */
  run(): void;
  /** Returns whether every vCPU runs. */
  areRunning(): boolean;
  /** Returns when the last vCPU began to run, once all of them run. */
  runningSinceNs(): number;
  /** Returns the gfns that vCPUs wait for and that no earlier call has returned. */
  faults(): readonly number[];
  /** Makes `faults` return again what vCPUs still wait for, since the requests have been lost. */
  forgetFaults(): void;
  /** Returns whether there is news: the vCPUs have begun to run, or one waits for another page. */
  isSettled(): boolean;
}

/** What the source's and the destination's half of an algorithm both have. */
export interface Side {
  readonly clock: Clock;
  readonly link: Link;
}

/** What an algorithm waits for; whichever comes first ends the wait. */
export interface WaitRequest {
  /** Room for a frame of this kind. */
  readonly credit?: FrameKind | undefined;
  /** Returns when what is waited for is there, as far as is known now; Infinity means not before news. */
  readonly ready?: (() => number) | undefined;
  /** A frame that has arrived. */
  readonly frame?: boolean | undefined;
  /** The guest has answered what it was asked. */
  readonly guest?: boolean | undefined;
  /** A new connection in the place of a lost one. */
  readonly connection?: boolean | undefined;
  /** The time at which the wait ends at the latest. */
  readonly untilNs: number;
  /** Whether the wait may end because a person cancels. */
  readonly cancel?: boolean;
}

/** What ended a wait. */
export type Wake = 'credit' | 'ready' | 'frame' | 'guest' | 'connection' | 'time' | 'cancel';

/** One half of an algorithm. It yields what it waits for; its driver resumes it with what ended the wait. */
export type Algorithm<Result> = Generator<WaitRequest, Result, Wake>;
