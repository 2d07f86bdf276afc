import type { Clock } from '../../src/clock/clock.ts';
import { planGuest, type GuestPlan } from '../../src/guest/stream-plan.ts';
import { readAccesses, writePlan } from '../../src/guest/stream-record.ts';
import { RESUMED_NS } from '../../src/guest/vcpu-state.ts';
import type { Workload } from '../../src/guest/workload.ts';
import type { Link } from '../../src/link/link.ts';
import { ringLink } from '../../src/link/ring-link.ts';
import { closeRing, createRing, type SharedRing } from '../../src/link/ring.ts';
import { fillDestination, fillPages } from '../../src/memory/contents/contents.ts';
import type { DirtyLogKind } from '../../src/memory/dirty-logs/dirty-log.ts';
import { marksOf } from '../../src/memory/dirty-logs/open.ts';
import { WriterHandshake } from '../../src/memory/handshake/writer.ts';
import { PAUSE } from '../../src/memory/handshake/words.ts';
import { MARK_NONE } from '../../src/memory/kernels/abi.ts';
import { accessListAt, streamAt } from '../../src/memory/layout.ts';
import { destination, type DestinationReport } from '../../src/migration/destination.ts';
import type { Algorithm, Wake } from '../../src/migration/ports.ts';
import type { SourceReport } from '../../src/migration/source.ts';
import type { SourceOptions, SourceSide } from '../../src/migration/source-session.ts';
import { look } from '../../src/runtime/threads/driver.ts';
import { ThreadDestinationGuest, ThreadSourceGuest } from '../../src/runtime/threads/guests.ts';
import { createHost, type Host, openHost } from '../../src/runtime/threads/host.ts';

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  ns = 1e9;
  now = (): number => this.ns;
}

export interface FakeWorldOptions {
  readonly pages?: number;
  readonly dirtyLog?: DirtyLogKind;
  /** Page writes a second, uniform over the guest. */
  readonly writesPerSecond?: number;
  readonly bytesPerSecond?: number;
  readonly latencyNs?: number;
  readonly zeroShare?: number;
  readonly options?: Partial<SourceOptions>;
}

const PAGE_SIZE = 4096;

/**
 * The ports of both sides in one thread, on a clock that only waiting moves: real memory, dirty
 * logs, frames and rings; one vCPU a side that writes when time passes. The same run always gives
 * the same result.
 */
export class FakeWorld {
  readonly clock = new ManualClock();
  readonly plan: GuestPlan;
  readonly source: Host;
  readonly target: Host;
  readonly sourceGuest: ThreadSourceGuest;
  readonly targetGuest: ThreadDestinationGuest;
  readonly forward: SharedRing;
  readonly backward: SharedRing;
  readonly near: Link;
  readonly far: Link;
  readonly side: SourceSide;
  isCancelled = false;
  /** Source RAM as it stood when the vCPU state was taken. */
  frozen: Uint8Array | undefined;
  /** Called whenever time has passed. */
  onTime: (world: FakeWorld) => void = () => undefined;
  readonly #vcpus: readonly FakeVcpu[];
  #isDestinationDead = false;

  constructor(options: FakeWorldOptions = {}) {
    const { pages = 1024, dirtyLog = 'bitmap', writesPerSecond = 0, latencyNs = 100_000 } = options;
    const { bytesPerSecond = 125e6, zeroShare = 0.25 } = options;
    const workload: Workload = {
      pattern: { kind: 'uniform' },
      firstGfn: 0,
      pages,
      rate: Math.max(1, writesPerSecond),
      writes: 1,
      wordsPerPage: 1,
      fromNs: 0,
      untilNs: Infinity,
    };
    this.plan = planGuest([workload], 1, PAGE_SIZE, 1);
    const [source, target] = [0, 1].map((skewPages) => {
      const geometry = {
        pages,
        pageSize: PAGE_SIZE,
        writers: 2,
        streams: 2,
        tableBytes: 0,
        skewPages,
      };
      return openHost(createHost(geometry, this.plan, dirtyLog));
    }) as [Host, Host];
    this.source = source;
    this.target = target;
    for (const host of [source, target]) writePlan(host.slot, this.plan);
    Atomics.store(target.words, PAUSE, 1);
    const contents = [{ firstGfn: 0, pages, kind: 'random' as const, zeroShare }];
    fillPages(source.slot.ram, PAGE_SIZE, contents, 1, 0, pages);
    fillDestination(target.slot.ram);
    this.forward = createRing(4 * 1024 * 1024);
    this.backward = createRing(1024 * 1024);
    const ends = { clock: this.clock, bytesPerSecond, latencyNs };
    const { forward, backward } = this;
    this.near = ringLink({
      ...ends,
      outgoing: forward,
      incoming: backward,
      peerDoorbell: target.doorbell,
    });
    this.far = ringLink({
      ...ends,
      outgoing: backward,
      incoming: forward,
      peerDoorbell: source.doorbell,
    });
    this.sourceGuest = new ThreadSourceGuest(source, this.plan, this.clock);
    this.targetGuest = new ThreadDestinationGuest(target, this.plan);
    // The destination's vCPU runs but does not write, so that both memories can be compared.
    this.#vcpus = [
      new FakeVcpu(source, dirtyLog, this.clock, writesPerSecond),
      new FakeVcpu(target, dirtyLog, this.clock, 0),
    ];
    this.side = {
      clock: this.clock,
      link: this.near,
      guest: this.sourceGuest,
      options: {
        integrity: 'full',
        zeroPages: true,
        linkBytesPerSecond: bytesPerSecond,
        maxBytesPerSecond: Infinity,
        strictRate: false,
        timeoutNs: 60e9,
        ...options.options,
      },
    };
  }

  /** The destination's engine does nothing any more, and its end of the link is gone. */
  killDestination(): void {
    this.#isDestinationDead = true;
    closeRing(this.backward);
  }

  /** Plays both halves to their ends; the destination's report is absent when it is left waiting. */
  play(algorithm: Algorithm<SourceReport>): {
    source: SourceReport;
    destination?: DestinationReport;
  } {
    const halves = {
      source: this.#half(algorithm, this.near, () => this.sourceGuest.isSettled()),
      destination: this.#half(
        destination({ clock: this.clock, link: this.far, guest: this.targetGuest }),
        this.far,
        () => this.targetGuest.isSettled(),
      ),
    };
    for (let turn = 0; turn < 1e6; turn++) {
      const nearNs = halves.source.go();
      const farNs = this.#isDestinationDead ? Infinity : halves.destination.go();
      const nextNs = Math.min(nearNs, farNs);
      if (halves.source.result && (halves.destination.result || nextNs === Infinity)) {
        return {
          source: halves.source.result,
          ...(halves.destination.result ? { destination: halves.destination.result } : {}),
        };
      }
      if (halves.source.result && nextNs > this.clock.ns + 100e9) {
        return { source: halves.source.result };
      }
      this.#passTime(nextNs);
    }
    throw new Error('the migration does not end');
  }

  #half<Result>(algorithm: Algorithm<Result>, link: Link, isGuestSettled: () => boolean) {
    const parts = { clock: this.clock, link, isGuestSettled, isCancelled: () => this.isCancelled };
    let step = algorithm.next();
    const half = {
      result: undefined as Result | undefined,
      /** Lets it run until it waits; returns until when. */
      go: (): number => {
        for (;;) {
          if (step.done) {
            half.result = step.value;
            return Infinity;
          }
          link.release();
          if (!step.value.credit) link.rest();
          for (const vcpu of this.#vcpus) vcpu.poll();
          if (this.sourceGuest.savedState) this.frozen ??= this.source.slot.ram.slice();
          const { wake, nextNs } = look(step.value, parts);
          if (!wake) return nextNs;
          step = algorithm.next(wake satisfies Wake);
        }
      },
    };
    return half;
  }

  #passTime(untilNs: number): void {
    const next = Math.max(this.clock.ns + 1, Math.min(untilNs, this.clock.ns + 1e6));
    for (const vcpu of this.#vcpus) vcpu.run(next - this.clock.ns);
    this.clock.ns = next;
    this.onTime(this);
  }
}

/** A vCPU without a thread: writes what is due when time passes, polls before. */
class FakeVcpu {
  readonly #host: Host;
  readonly #log: DirtyLogKind;
  readonly #handshake: WriterHandshake;
  readonly #perNs: number;
  readonly #clock: Clock;
  #owed = 0;

  constructor(host: Host, log: DirtyLogKind, clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#host = host;
    this.#log = log;
    this.#perNs = perSecond / 1e9;
    this.#handshake = new WriterHandshake(host.words, 1, host.doorbell);
  }

  /** Answers the engine; parks in between, so that every look of the engine is an answer. */
  poll(): boolean {
    const isRunning = this.#handshake.sleep(0);
    if (isRunning && this.#handshake.hasBeenResumed()) {
      this.#host.area[RESUMED_NS] = this.#clock.now();
      this.#handshake.reportRunning();
    }
    return isRunning;
  }

  run(ns: number): void {
    if (!this.poll()) return;
    const { slot } = this.#host;
    this.#owed += ns * this.#perNs;
    const count = Math.min(1024, Math.floor(this.#owed));
    this.#owed -= count;
    if (count === 0) return;
    const { epoch, mode, writer } = this.#handshake.local;
    const marks = marksOf(this.#log, slot.layout);
    const record = streamAt(slot.layout, 0);
    const list = accessListAt(slot.layout, writer);
    slot.kernels.nextGfns(record, count, list);
    const mark = mode === 0 ? MARK_NONE : marks.mark;
    slot.kernels.touch(record, count, list, mark, marks.mapOf(writer, epoch));
  }
}

/** Accesses that a host's guest has made. */
export function accessesOf(host: Host): number {
  return readAccesses(host.slot, 0);
}
