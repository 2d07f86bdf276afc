import { EventQueue } from '../../clock/event-queue.ts';
import type { Process } from '../../clock/process.ts';
import { othersTurn } from '../common/others-turn.ts';
import { TURN_NS } from './guest.ts';

/** This many events are played before the rest of the program gets its turn. */
const EVENTS_A_TURN = 5000;
/** So many events at one point in time are of a process that goes round in circles. */
const MOST_EVENTS_AT_ONCE = 1_000_000;

/** The events of a world would never come to an end. */
export class StuckError extends Error {}

export interface PlayOptions {
  /** `play` throws a StuckError after more events than this, as the migration would never end. */
  readonly mostEvents?: number;
  /** Called now and then, before the rest of the program gets its turn. */
  readonly onTurn?: () => void;
}

/**
 * Plays the events of a world on a virtual clock: it steps processes in one thread, in the order of (time, class,
 * sequence). The same processes give the same results, to the bit, on any machine.
 */
export class EventLoop {
  nowNs = 0;
  /** How many steps of processes it has played so far. */
  events = 0;
  readonly #queue = new EventQueue<Process>();
  #eventsAtOnce = 0;

  /** The time when the next event is due; Infinity when there is none. */
  get nextNs(): number {
    return this.#queue.nextNs;
  }

  /** Adds a process; the loop steps it from now on whenever its `nextNs` has come. */
  add(process: Process): void {
    this.#schedule(process);
  }

  /** Asks a process again for its `nextNs`, because something has changed for it. */
  wake(process: Process): void {
    if (!process.isOver) this.#schedule(process);
  }

  /** Plays event after event until `isDone` returns true before one, or no event is due any more. */
  async play(isDone: () => boolean, options: PlayOptions = {}): Promise<void> {
    const { mostEvents = Infinity, onTurn } = options;
    let turnNs = this.nowNs;
    for (let events = 1; !isDone() && this.#step(); events++) {
      if (events > mostEvents) {
        throw new StuckError(`the migration goes round in circles: ${events} events`);
      }
      if (events % EVENTS_A_TURN !== 0 && this.nowNs < turnNs + TURN_NS) continue;
      turnNs = this.nowNs;
      onTurn?.();
      await othersTurn();
    }
  }

  /** Plays the next event; returns false when there is none. */
  #step(): boolean {
    const event = this.#queue.take();
    if (!event) return false;
    const { item: process, atNs } = event;
    this.#eventsAtOnce = atNs > this.nowNs ? 0 : this.#eventsAtOnce + 1;
    if (this.#eventsAtOnce > MOST_EVENTS_AT_ONCE) {
      throw new StuckError(
        `time stands still at ${atNs / 1e9} s: a policy or another process goes round in circles`,
      );
    }
    this.nowNs = atNs;
    this.events++;
    process.step(atNs);
    if (!process.isOver) this.#schedule(process);
    return true;
  }

  #schedule(process: Process): void {
    this.#queue.schedule(process, process.nextNs(this.nowNs), process.eventClass);
  }
}
