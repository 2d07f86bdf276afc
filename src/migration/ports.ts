import type { Clock } from '../clock/clock.ts';
import type { VcpuState } from '../guest/vcpu-state.ts';
import type { FrameKind, Link } from '../link/link.ts';
import type { LogReader } from '../memory/dirty-logs/log-reader.ts';
import type { GuestMemory, GuestPageSet } from '../memory/guest-memory.ts';
import type { PageStates } from '../memory/page-states.ts';
import type { PresenceMap } from '../memory/presence/presence-map.ts';

/** A guest's own memory manager, as the source's algorithm sees it. */
export interface GuestManager {
  readonly states: PageStates;
  /** Pages of the kernel, from gfn 0 on: they can't be paged. */
  readonly kernelPages: number;
  /** Sent pages that the guest has given back since, or that were not sent because it had. */
  readonly aside: GuestPageSet;
  /** Asks the guest to give its free pages back, if that is wanted before a migration. */
  release(): void;
  /** Grows whenever the guest has given pages back. */
  balloonings(): number;
  /** Takes its pageable pages away from the guest's processes (pseudo-paging); while it is paused. */
  pseudoPage(this: void, pages: number): void;
}

/**
 * The guest as the source's algorithm sees it. Calls only ask; the answer is there when
 * `isSettled()` (what a `wait` for `guest` waits for).
 */
export interface SourceGuest {
  readonly memory: GuestMemory;
  readonly vcpus: number;
  /** Of a guest that has a memory manager. */
  readonly manager?: GuestManager;
  /** Opens the guest's dirty log for one reader, which has a page set of its own and closes it at the end. */
  openLog(): LogReader;
  /** The guest's pages in the order of its swap device; while it is paused. */
  swapOrder(kind: 'allocation' | 'lru'): Uint32Array;
  /** Asks every vCPU to park. */
  pause(): void;
  /** Asks every vCPU to go on. */
  resume(): void;
  /** Takes a share of its time (0 to 0.99) from one vCPU, or from all. */
  throttle(share: number, vcpu?: number): void;
  /** A process that dirties so many pages from now on waits until this is 0 again. */
  stun(faults: number): void;
  /** The state to move; only while paused. */
  vcpuState(): VcpuState[];
  isSettled(): boolean;
}

/** The guest as the destination's algorithm sees it; its vCPUs are parked until `run`. */
export interface DestinationGuest {
  readonly memory: GuestMemory;
  readonly vcpus: number;
  readonly presence: PresenceMap;
  /** Of a guest that has a memory manager. */
  readonly states?: PageStates;
  /** Loads a state; says why when it doesn't fit. */
  load(states: readonly VcpuState[]): string | undefined;
  /** Asks every vCPU to run. */
  run(): void;
  /** Whether every vCPU runs. */
  areRunning(): boolean;
  /** When the last vCPU began to run, once all do. */
  runningSinceNs(): number;
  /** Pages that vCPUs wait for and that this call is the first to tell of; to be requested now. */
  faults(): readonly number[];
  /** What has been told of so far is forgotten: its requests are lost, so it is told again. */
  forgetFaults(): void;
  /** Whether there is news: the vCPUs have come to run, or one waits for another page. */
  isSettled(): boolean;
}

/** What both halves have. */
export interface Side {
  readonly clock: Clock;
  readonly link: Link;
}

/** What an algorithm waits for: any of these ends the wait. */
export interface WaitRequest {
  /** Room for a frame of this kind. */
  readonly credit?: FrameKind | undefined;
  /** A frame that has arrived. */
  readonly frame?: boolean | undefined;
  /** The guest has answered what it was asked. */
  readonly guest?: boolean | undefined;
  /** A new connection in the place of a lost one. */
  readonly connection?: boolean | undefined;
  /** A point in time; every wait has one. */
  readonly untilNs: number;
  /** Whether the wait may end because a person cancels. */
  readonly cancel?: boolean;
}

export type Wake = 'credit' | 'frame' | 'guest' | 'connection' | 'time' | 'cancel';

/** An algorithm's half: it runs until it waits, and its driver says what ended the wait. */
export type Algorithm<Result> = Generator<WaitRequest, Result, Wake>;
