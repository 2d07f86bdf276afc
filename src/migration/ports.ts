import type { Clock } from '../clock/clock.ts';
import type { VcpuState } from '../guest/vcpu-state.ts';
import type { Link } from '../link/link.ts';
import type { DirtyLog } from '../memory/dirty-logs/dirty-log.ts';
import type { Memslot } from '../memory/memslot.ts';
import type { PageSet } from '../memory/page-set.ts';

/**
 * The guest as the source's algorithm sees it. Calls only ask; the answer is there when
 * `isSettled()` (what a `wait` for `guest` waits for).
 */
export interface SourceGuest {
  readonly slot: Memslot;
  readonly vcpus: number;
  readonly dirtyLog: DirtyLog;
  /** The pages that have yet to be sent. */
  readonly unsent: PageSet;
  /** Asks every vCPU to park. */
  pause(): void;
  /** Asks every vCPU to go on. */
  resume(): void;
  /** Takes a share of its time (0 to 0.99) from one vCPU, or from all. */
  throttle(share: number, vcpu?: number): void;
  /** The state to move; only while paused. */
  vcpuState(): VcpuState[];
  isSettled(): boolean;
}

/** The guest as the destination's algorithm sees it; its vCPUs are parked until `run`. */
export interface DestinationGuest {
  readonly slot: Memslot;
  readonly vcpus: number;
  /** Loads a state; says why when it doesn't fit. */
  load(states: readonly VcpuState[]): string | undefined;
  /** Asks every vCPU to run. */
  run(): void;
  isSettled(): boolean;
  /** When the last vCPU began to run, once settled. */
  runningSinceNs(): number;
}

/** What both halves have. */
export interface Side {
  readonly clock: Clock;
  readonly link: Link;
}

/** What an algorithm waits for: any of these ends the wait. */
export interface WaitRequest {
  /** Room for a frame of this kind. */
  readonly credit?: 'pages' | 'control';
  /** A frame that has arrived. */
  readonly frame?: boolean;
  /** The guest has answered what it was asked. */
  readonly guest?: boolean;
  /** A point in time; every wait has one. */
  readonly untilNs: number;
  /** Whether the wait may end because a person cancels. */
  readonly cancel?: boolean;
}

export type Wake = 'credit' | 'frame' | 'guest' | 'time' | 'cancel';

/** An algorithm's half: it runs until it waits, and its driver says what ended the wait. */
export type Algorithm<Result> = Generator<WaitRequest, Result, Wake>;
