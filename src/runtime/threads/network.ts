import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../clock/clock.ts';
import { Line } from '../../link/line.ts';
import type { GuestSide } from '../common/guest-side.ts';
import type { Stage } from '../common/stage.ts';
import type { Outage } from '../config.ts';

/** How often it looks whether both ends have noticed that their connection is lost. */
const LOOK_MS = 1;

/**
 * What happens to a run's connection, in real time: it is lost at the start of each outage and a new
 * one stands at its end. Both ends notice by themselves; only then are the rings emptied for the next
 * connection, so an outage lasts at least until the slower one has.
 */
export class Network {
  readonly #line: Line;
  readonly #guestSides: { readonly source: GuestSide; readonly destination: GuestSide };
  readonly #clock: Clock;
  readonly #outages: readonly Outage[];
  readonly #startNs: number;
  readonly #stopped = new AbortController();

  /** The outages count from now on. */
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

  async run(): Promise<void> {
    for (const { afterNs, forNs } of this.#outages) {
      await this.#passUntil(this.#startNs + afterNs);
      if (this.isStopped) return;
      this.cut();
      // One that begins late is no shorter for it.
      await this.#passUntil(this.#clock.now() + forNs);
      await this.restore();
    }
  }

  /** The connection is lost now. */
  cut(): void {
    this.#line.cut();
    this.#wakeBoth();
  }

  /** A new connection stands as soon as both ends have noticed that the old one is lost. */
  async restore(): Promise<void> {
    while (!this.isStopped && !this.#line.restore()) await this.#pass(LOOK_MS);
    if (!this.isStopped) this.#wakeBoth();
  }

  /** The migration is over: its connection is not touched any more. */
  stop(): void {
    this.#stopped.abort();
  }

  get isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  async #passUntil(atNs: number): Promise<void> {
    while (!this.isStopped && this.#clock.now() < atNs) {
      // No longer than a timer can be set for.
      await this.#pass(Math.min((atNs - this.#clock.now()) / 1e6, 1e9));
    }
  }

  /** Lets time pass; ends early when it is stopped. */
  async #pass(ms: number): Promise<void> {
    const { signal } = this.#stopped;
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }

  #wakeBoth(): void {
    for (const { doorbell } of Object.values(this.#guestSides)) doorbell.ring();
  }
}
