import type { Clock } from '../../clock/clock.ts';
import type { FullPlan } from '../../guest/stream-plan.ts';
import type { DirtyLog, DirtyLogKind } from '../../memory/dirty-logs/dirty-log.ts';
import { manualClear, type ManualClearLog } from '../../memory/dirty-logs/manual-clear.ts';
import { openDirtyLog } from '../../memory/dirty-logs/open.ts';
import { GuestPageSet } from '../../memory/guest-memory.ts';
import type { SharedSlot } from '../../memory/memslot.ts';
import {
  type GuestSide,
  guestSideOver,
  logParts,
  openGuestSide,
  type SharedGuestSide,
} from '../../runtime/common/guest-side.ts';
import type { TaskPool } from '../../runtime/threads/pool.ts';
import { PassWords } from './pass-words.ts';
import type { BenchTasks } from './tasks.ts';

export interface TrialParts {
  readonly kind: DirtyLogKind;
  readonly slots: readonly SharedSlot[];
  readonly plan: FullPlan;
  readonly ringSize: number;
  readonly pool: TaskPool<BenchTasks>;
  readonly clock: Clock;
  readonly origin: bigint;
  /** How many accesses each vCPU makes in a pass. */
  readonly accesses: number;
  /** How many pages a manual clear covers; 0 when the harvest itself clears. */
  readonly clearPages: number;
}

const WARM_UPS = 400;
/** How often this thread checks for the doorbell before it sleeps. */
const SPINS = 2000;
const LONGEST_SLEEP_MS = 100;
/** A vCPU that has not answered in this time, plus the longest that its accesses can take, has died. */
const PATIENCE_NS = 60e9;
const SLOWEST_ACCESS_NS = 20e3;

/**
 * A guest whose vCPUs make passes over its memory when they are told to, and its dirty log, each
 * step of which is timed from this thread.
 */
export class LogTrial {
  readonly target: GuestPageSet;
  readonly #parts: TrialParts;
  readonly #guestSide: GuestSide;
  readonly #log: DirtyLog;
  readonly #manual: ManualClearLog | undefined;
  readonly #passes: PassWords;
  readonly #kept: Uint8Array[] = [];
  readonly #vcpus: Promise<unknown>;
  readonly #patienceNs: number;
  #death: unknown;

  constructor(parts: TrialParts) {
    const { kind, slots, plan, ringSize, clearPages } = parts;
    this.#parts = parts;
    this.#patienceNs = PATIENCE_NS + parts.accesses * plan.vcpus * SLOWEST_ACCESS_NS;
    const shared = guestSideOver(slots, plan, { kind, ringSize });
    this.#guestSide = openGuestSide(shared);
    this.#passes = new PassWords(plan.vcpus);
    const log = openDirtyLog(kind, logParts(this.#guestSide));
    this.#manual = clearPages > 0 ? manualClear(log, logParts(this.#guestSide)) : undefined;
    this.#log = this.#manual ?? log;
    this.target = new GuestPageSet(this.#guestSide.memory);
    this.target.clear();
    this.#vcpus = this.#startVcpus(shared);
  }

  #startVcpus(guestSide: SharedGuestSide): Promise<unknown> {
    const { plan, pool, accesses, origin } = this.#parts;
    const walks = Array.from({ length: plan.vcpus }, (_, vcpu) =>
      pool.run('walk', {
        guestSide,
        plan,
        vcpu,
        passes: this.#passes.buffer,
        accesses,
        clockOrigin: origin,
      }),
    );
    const all = Promise.all(walks);
    all.catch((error: unknown) => (this.#death = error));
    return all;
  }

  /** Begins a pass on every vCPU. */
  begin(): void {
    this.#passes.begin();
    for (let vcpu = 0; vcpu < this.#parts.plan.vcpus; vcpu++) this.#guestSide.engine.wake(vcpu + 1);
  }

  /**
   * Waits until every vCPU has ended the pass and is parked. Returns the ns from the pass's first
   * access to its last. Throws when a vCPU has died.
   */
  async finish(): Promise<number> {
    const haveFinished = (): boolean => this.#passes.haveAllFinished();
    // In the first pass the threads may still be starting, and errors of that arrive in the event loop.
    if (this.#passes.pass === 1) await this.#until(haveFinished);
    else this.#spinUntil(haveFinished);
    // vCPUs park within microseconds and ring no doorbell for it, so this thread must not sleep.
    this.#spinUntil(() => this.#guestSide.engine.areAllParked(), 0);
    return this.#passes.durationNs();
  }

  /** Makes one whole pass, and returns what `finish` does. */
  async pass(): Promise<number> {
    this.begin();
    return this.finish();
  }

  /**
   * Goes through the log's phases many times on an empty log, because V8 replaces a kernel by its
   * optimised code only between two calls.
   */
  warmUp(): void {
    for (let i = 0; i < WARM_UPS; i++) {
      this.enable();
      this.get();
      if (this.#manual) this.clear();
      this.disable();
    }
  }

  /** Starts the log, and returns the ns until every vCPU has acknowledged it. */
  enable(): number {
    return this.#timed(() => this.#log.start());
  }

  /** Stops the log, and returns the ns until every vCPU has acknowledged it. */
  disable(): number {
    return this.#timed(() => this.#log.stop());
  }

  /** Harvests the marks into `target`, which the caller has emptied. Returns the ns taken and the pages found. */
  get(): { ns: number; pages: number } {
    const startNs = this.#parts.clock.now();
    this.#log.harvest();
    this.#spinUntil(() => this.#log.isSettled());
    const pages = this.#log.collect(this.target);
    return { ns: this.#parts.clock.now() - startNs, pages };
  }

  /** Copies the present marks, for `putBack`. The vCPUs must be parked. */
  keepMarks(): void {
    this.#eachLiveMap((map, index) => {
      const kept = (this.#kept[index] ??= new Uint8Array(map.length));
      kept.set(map);
    });
  }

  /** Writes the marks that `keepMarks` copied into the log again, from this thread. */
  putBack(): void {
    this.#eachLiveMap((map, index) => map.set(this.#kept[index]!));
  }

  #eachLiveMap(act: (map: Uint8Array, index: number) => void): void {
    let index = 0;
    for (const slot of this.#guestSide.memory.slots) {
      for (const address of this.#log.liveMaps(slot)) {
        act(new Uint8Array(slot.buffer, address, slot.layout.writerMapBytes), index++);
      }
    }
  }

  /** Clears by hand what `get` has found, range by range. Returns the ns taken. */
  clear(): number {
    const manual = this.#manual!;
    const { clearPages } = this.#parts;
    const { pages } = this.#guestSide.memory;
    const startNs = this.#parts.clock.now();
    for (let gfn = 0; gfn < pages; gfn += clearPages) {
      manual.clear(gfn, Math.min(clearPages, pages - gfn));
      this.#spinUntil(() => manual.isSettled());
      manual.cleared(this.target);
    }
    return this.#parts.clock.now() - startNs;
  }

  /** Returns how often vCPUs have waited for room in their rings. */
  stalls(): number {
    return this.#log.ringCounts().reduce((sum, { stalls }) => sum + stalls, 0);
  }

  /** Stops the vCPUs and waits for their threads' tasks to end. */
  async end(): Promise<void> {
    this.#guestSide.engine.stop();
    await this.#vcpus;
  }

  /** Makes a request of the log, and returns the ns until every vCPU has acknowledged it. */
  #timed(request: () => void): number {
    const startNs = this.#parts.clock.now();
    request();
    this.#spinUntil(() => this.#log.isSettled());
    return this.#parts.clock.now() - startNs;
  }

  /** Blocks this thread until the condition holds, as a migration's engine does, and tends the log meanwhile. */
  #spinUntil(isThere: () => boolean, longestSleepMs = LONGEST_SLEEP_MS): void {
    const { doorbell } = this.#guestSide;
    const untilNs = this.#parts.clock.now() + this.#patienceNs;
    for (;;) {
      const sequence = doorbell.sequence();
      this.#log.makeRoom();
      if (isThere()) return;
      if (this.#parts.clock.now() > untilNs) throw new Error('a vCPU does not answer');
      if (longestSleepMs > 0) doorbell.wait(sequence, longestSleepMs, SPINS);
    }
  }

  /** Waits as `#spinUntil` does, but lets the event loop run. */
  async #until(isThere: () => boolean): Promise<void> {
    const untilNs = this.#parts.clock.now() + this.#patienceNs;
    while (!isThere()) {
      if (this.#death) throw this.#death;
      if (this.#parts.clock.now() > untilNs) throw new Error('the vCPUs do not start');
      this.#log.makeRoom();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
