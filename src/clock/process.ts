/**
 * An activity of a world that goes on by itself: a migration, a monitor, the evacuation of a host. The world
 * steps it when its time has come and then asks when it wants to be stepped next.
 */
export interface Process {
  /** Of the processes that are due at the same time those of a lower class come first; 0 when absent. */
  readonly eventClass?: number;
  /** Returns when it wants to be stepped, `nowNs` or later. Infinity means not before somebody wakes it. */
  nextNs(nowNs: number): number;
  /** Does what is due at `atNs`, which is the time that `nextNs` returned or, after a wake-up, an earlier one. */
  step(atNs: number): void;
  /** True when it will never want to be stepped again. */
  readonly isOver: boolean;
}

/** A process that is stepped once: an event at a point in time. */
export class OneEvent implements Process {
  isOver = false;
  readonly eventClass: number;
  readonly #atNs: number;
  readonly #act: (nowNs: number) => void;

  constructor(atNs: number, act: (nowNs: number) => void, eventClass = 0) {
    this.#atNs = atNs;
    this.#act = act;
    this.eventClass = eventClass;
  }

  nextNs(nowNs: number): number {
    return Math.max(nowNs, this.#atNs);
  }

  step(atNs: number): void {
    this.isOver = true;
    this.#act(atNs);
  }
}
