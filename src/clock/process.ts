/**
 * Something that goes on by itself in a world: a migration, a monitor, whoever empties a host. Its world
 * steps it when its time has come and then asks when it wants to be stepped next.
 */
export interface Process {
  /** Processes of a lower class come first among those that are due at the same time; 0 when absent. */
  readonly eventClass?: number;
  /** When it wants to be stepped, no sooner than `nowNs`; Infinity: not before somebody wakes it. */
  nextNs(nowNs: number): number;
  /** Goes on at `atNs`, which is what `nextNs` said or, when it was woken, sooner. */
  step(atNs: number): void;
  /** Whether it will never want to be stepped again. */
  readonly isOver: boolean;
}
