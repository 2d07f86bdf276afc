import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../clock/clock.ts';
import { Line } from '../../link/line.ts';
import type { GuestSide } from '../common/guest-side.ts';
import type { Stage } from '../common/stage.ts';
import type { Outage } from '../config.ts';

/** This often it is checked whether both ends have noticed that their connection is lost. */
const POLL_MS = 1;

/**
 * Plays the outages of a run's connection in real time: the connection is lost when an outage begins, and a new one
 * is made when the outage ends. The two ends notice the loss by themselves, and the rings are emptied for the next
 * connection only then, so an outage lasts at least until both ends have noticed.
 */
export class Connection {
  readonly #line: Line;
  readonly #guestSides: { readonly source: GuestSide; readonly destination: GuestSide };
  readonly #clock: Clock;
  readonly #outages: readonly Outage[];
  readonly #startNs: number;
  readonly #stop = new AbortController();

  /** The times of the outages count from this call. */
  constructor(
    { line, forward, backward }: Stage,
    guestSides: { readonly source: GuestSide; readonly destination: GuestSide },
    clock: Clock,
    outages: readonly Outage[] = [],
  ) {
    this.#line = new Line(line, [forward, backward]);
    this.#guestSides = guestSides;
    this.#clock = clock;
    this.#outages = outages;
    this.#startNs = clock.now();
  }

  /** Plays all outages; returns early when it is stopped. */
  async run(): Promise<void> {
    for (const { afterNs, forNs } of this.#outages) {
      await this.#passUntil(this.#startNs + afterNs);
      if (this.isStopped) return;
      this.cut();
      // An outage that begins late lasts as long as it should nevertheless.
      await this.#passUntil(this.#clock.now() + forNs);
      await this.restore();
    }
  }

  /** Cuts the connection now. */
  cut(): void {
    this.#line.cut();
    this.#wakeBoth();
  }

  /** Makes a new connection as soon as both ends have noticed that the old one is lost. */
  async restore(): Promise<void> {
    while (!this.isStopped && !this.#line.restore()) await this.#pass(POLL_MS);
    if (!this.isStopped) this.#wakeBoth();
  }

  /** Leaves the connection alone from now on, because the migration is over. */
  stop(): void {
    this.#stop.abort();
  }

  get isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  async #passUntil(atNs: number): Promise<void> {
    while (!this.isStopped && this.#clock.now() < atNs) {
      // A timer can't be set for longer than some 24 days.
      await this.#pass(Math.min((atNs - this.#clock.now()) / 1e6, 1e9));
    }
  }

  /** Waits; returns early when it is stopped. */
  async #pass(ms: number): Promise<void> {
    const { signal } = this.#stop;
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }

  #wakeBoth(): void {
    for (const { doorbell } of Object.values(this.#guestSides)) doorbell.ring();
  }
}
