import type { Keys, Quantity, ValuesOf } from '../../units/keys.ts';

/**
 * A program on top of QEMU that watches a migration: it sets the downtime limit, and may ask for post-copy,
 * a suspended guest or the end of the migration. A manager is a pure function of its state and the facts.
 */
export interface Manager<State = unknown> {
  readonly name: string;
  readonly initial: State;
  /** Whether the manager is also asked at the end of every pass. */
  readonly watchesPasses?: boolean;
  step(state: State, now: ManagerFacts): ManagerStep<State>;
}

/** What a manager is told about the migration. */
export interface ManagerFacts {
  /** The time since the migration's start. */
  readonly nowMs: number;
  /** The bytes of pages that have yet to be sent. */
  readonly remainingBytes: number;
  /** The bytes that have been sent, by QEMU's accounting. */
  readonly transferredBytes: number;
  /** The number of harvests of the dirty log so far, which is 1 in the first pass (dirty-sync-count). */
  readonly syncs: number;
  /** The bandwidth of QEMU's last window; 0 at the end of a pass. */
  readonly bytesPerMs: number;
  /** Whether a pass has just ended (an event of libvirt); otherwise a window of QEMU has. */
  readonly isPassEnd: boolean;
}

/** What a manager decides. */
export interface ManagerStep<State> {
  readonly state: State;
  /** The downtime limit from now on. */
  readonly limitMs: number;
  readonly asks?: ManagerRequest;
}

/** What a manager may ask for besides a downtime limit. */
export type ManagerRequest =
  | { readonly kind: 'postcopy' }
  /** Suspend the guest, so that the rest can be sent. */
  | { readonly kind: 'suspend' }
  /** Give the migration up. */
  | { readonly kind: 'abort'; readonly reason: string };

/** QEMU's default downtime limit, and the largest that it accepts (migration/options.c). */
export const QEMU_LIMIT_MS = 300;
export const QEMU_MOST_MS = 2_000_000;

/** What a manager is told before the migration begins. */
export interface ManagedGuest {
  /** The value of `migration.downtimeLimit`. */
  readonly limitMs: number;
  readonly guestBytes: number;
}

/** A manager that scenarios know by name. */
export interface ManagerKind<
  Name extends string = string,
  Table extends Keys = Keys,
  Options extends object = object,
> {
  readonly name: Name;
  /** A sentence for documents that says whose rules these are. */
  readonly about: string;
  /** The key of `migration` under which its settings stand. */
  readonly settings: string;
  readonly keys: Table;
  /** What some keys of `migration` are under this manager when a scenario does not give them. */
  readonly defaults: ManagerDefaults;
  /** Returns whether the manager decides on post-copy itself, so that `postcopyAfter` has no effect. */
  decidesOnPostcopy(settings: Readonly<Record<string, unknown>> | undefined): boolean;
  /** The key that says after which time the manager gives up; absent when it never does. */
  readonly patienceKey?: string;
  /** Turns its settings, as they are written, into numbers. */
  resolve(written: ValuesOf<Table>, allowsPostcopy: boolean): Options;
  manager(options: Options, guest: ManagedGuest): Manager;
}

export interface ManagerDefaults {
  /** Where the downtime limit begins or ends, by the manager's own rule. */
  readonly downtimeLimit: Quantity;
  readonly autoConverge?: boolean;
}

/** Returns the kind as it is; the compiler infers the types of its keys. */
export const managerKind = <Name extends string, Table extends Keys, Options extends object>(
  kind: ManagerKind<Name, Table, Options>,
): ManagerKind<Name, Table, Options> => kind;
