import { EventQueue } from '../../clock/event-queue.ts';
import type { Process } from '../../clock/process.ts';
import { othersTurn } from '../common/others-turn.ts';
import { TURN_NS } from './guest.ts';

/** So many events are dealt with before others of the program get their turn. */
const EVENTS_A_TURN = 5000;

export interface PlayOptions {
  /** More events than that are a world that goes round in circles: `play` throws. */
  readonly mostEvents?: number;
  /** Called now and then, before others of the program get their turn. */
  readonly onTurn?: () => void;
}

/**
 * A world on a virtual clock: one thread, discrete events, processes that are stepped in the order of
 * (time, class, sequence). The same processes give the same course, to the bit, on any machine.
 */
export class VirtualWorld {
  nowNs = 0;
  /** Steps of processes so far. */
  events = 0;
  readonly #queue = new EventQueue<Process>();

  /** Adds a process, which is stepped when it wants to be from now on. */
  add(process: Process): void {
    this.#schedule(process);
  }

  /** Asks a process anew when it wants to be stepped, because something has changed for it. */
  wake(process: Process): void {
    if (!process.isOver) this.#schedule(process);
  }

  /** Plays event after event until `isDone`, which is asked before each, or nothing is due any more. */
  async play(isDone: () => boolean, options: PlayOptions = {}): Promise<void> {
    const { mostEvents = Infinity, onTurn } = options;
    let turnNs = this.nowNs;
    for (let events = 1; !isDone() && this.#step(); events++) {
      if (events > mostEvents) {
        throw new Error(`the migration goes round in circles: ${events} events`);
      }
      if (events % EVENTS_A_TURN !== 0 && this.nowNs < turnNs + TURN_NS) continue;
      turnNs = this.nowNs;
      onTurn?.();
      await othersTurn();
    }
  }

  /** Deals with the next event; false when there is none. */
  #step(): boolean {
    const event = this.#queue.take();
    if (!event) return false;
    const { item: process, atNs } = event;
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
