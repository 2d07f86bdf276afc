import type { VirtualClock } from '../../clock/virtual.ts';
import type { VcpuState } from '../../guest/vcpu-state.ts';
import type { LogReader } from '../../memory/dirty-logs/log-reader.ts';
import type { GuestMemory } from '../../memory/guest-memory.ts';
import type { PresenceMap } from '../../memory/presence/presence-map.ts';
import type { PageStates } from '../../memory/page-states.ts';
import type { DestinationHost, SourceHost } from '../../migration/hosting.ts';
import type {
  DestinationGuest,
  GuestHints,
  GuestManager,
  SourceGuest,
} from '../../migration/ports.ts';
import type { SharedDestinationGuest, SharedSourceGuest } from '../common/guests.ts';
import type { Costs } from '../costs.ts';
import type { VirtualCrew } from './crew.ts';
import { timedHints } from './timed-hints.ts';

const GIB = 1024 * 1024 * 1024;

/**
 * The source's guest on a virtual clock. Every call takes the time that its costs say, and the vCPUs are advanced
 * to the present before the engine reads memory.
 */
export class VirtualSourceGuest implements SourceGuest {
  readonly memory: GuestMemory;
  readonly vcpus: number;
  readonly manager?: GuestManager;
  readonly host?: SourceHost;
  readonly hints?: GuestHints;
  readonly #inner: SharedSourceGuest;
  readonly #crew: VirtualCrew;
  readonly #clock: VirtualClock;
  readonly #costs: Costs;

  /** `host` is the guest's host, if that is overcommitted. */
  constructor(
    inner: SharedSourceGuest,
    crew: VirtualCrew,
    clock: VirtualClock,
    costs: Costs,
    host?: SourceHost,
  ) {
    this.#inner = inner;
    this.#crew = crew;
    this.#clock = clock;
    this.#costs = costs;
    this.memory = inner.memory;
    this.vcpus = inner.vcpus;
    if (inner.manager) this.manager = this.#timedManager(inner.manager);
    if (host) this.host = this.#timedHost(host);
    const live = (): void => this.live();
    const clearNs = costs.hintClearNs;
    if (inner.hints) this.hints = timedHints(inner.hints, { clock, live, clearNs });
  }

  /** The guest goes on while its host brings pages in. */
  #timedHost(host: SourceHost): SourceHost {
    const { sharesStore, slotOf } = host;
    return {
      sharesStore,
      slotOf,
      fetch: (taken) => {
        host.fetch(taken);
        this.live();
      },
    };
  }

  #timedManager(manager: GuestManager): GuestManager {
    return {
      ...manager,
      release: () => {
        this.live();
        manager.release();
        this.#clock.moveTo(Math.max(this.#clock.now(), this.#crew.release()));
      },
      pseudoPage: (pages) => this.#clock.spend(pages * this.#costs.pseudoPageNs),
    };
  }

  /** Advances the vCPUs to the present. */
  live(): void {
    this.#crew.advance(this.#clock.now());
  }

  swapOrder(kind: 'allocation' | 'lru'): Uint32Array {
    return this.#inner.swapOrder(kind);
  }

  pause(): void {
    this.live();
    this.#inner.pause();
    this.#clock.spend(this.#costs.kickNs);
    this.live();
    this.#poll();
  }

  resume(): void {
    this.#inner.resume();
    this.#poll();
  }

  throttle(share: number, vcpu?: number): void {
    this.live();
    this.#inner.throttle(share, vcpu);
  }

  stun(faults: number): void {
    this.live();
    this.#inner.stun(faults);
  }

  vcpuState(): VcpuState[] {
    const { stateNs, stateBytes, rawSendBytesPerSecond } = this.#costs;
    this.#clock.spend(stateNs + (stateBytes / rawSendBytesPerSecond) * 1e9);
    return this.#inner.vcpuState();
  }

  isSettled(): boolean {
    this.#poll();
    return this.#inner.isSettled();
  }

  #poll(): void {
    this.live();
    this.#crew.poll(this.#clock.now());
  }

  openLog(): LogReader {
    const log = this.#inner.openLog();
    const harvestNs =
      (this.#costs.harvestNsPerGiB * this.memory.pages * this.memory.pageSize) / GIB;
    const after =
      <Arguments extends unknown[], Result>(ns: number, call: (...given: Arguments) => Result) =>
      (...given: Arguments): Result => {
        this.#clock.spend(ns);
        this.live();
        return call(...given);
      };
    const harvest = after(harvestNs, log.harvest);
    const { manualClear } = log;
    return {
      ...log,
      ...(manualClear
        ? { manualClear: { ...manualClear, clear: after(0, manualClear.clear) } }
        : {}),
      start: after(0, log.start),
      harvest: () => {
        harvest();
        if (!this.#costs.harvestWaitsForVcpus) return;
        this.#poll();
        this.#clock.moveTo(this.#crew.awakeAtNs(this.#clock.now()));
      },
      stop: after(0, log.stop),
      collect: after(0, log.collect),
      collectLast: after(harvestNs, log.collectLast),
      liveMaps: after(0, log.liveMaps),
    };
  }
}

/** An overcommitted host that takes a guest over once that runs there. */
export interface ArrivingHost extends DestinationHost {
  takeOver(): void;
}

/** The destination's guest on a virtual clock, where loading the state and starting the vCPUs take time. */
export class VirtualDestinationGuest implements DestinationGuest {
  readonly memory: GuestMemory;
  readonly vcpus: number;
  readonly presence: PresenceMap;
  readonly states?: PageStates;
  readonly host?: ArrivingHost;
  readonly #inner: SharedDestinationGuest;
  readonly #crew: VirtualCrew;
  readonly #clock: VirtualClock;
  readonly #costs: Costs;

  /** `host` is the guest's host here, if that is overcommitted. */
  constructor(
    inner: SharedDestinationGuest,
    crew: VirtualCrew,
    clock: VirtualClock,
    costs: Costs,
    host?: ArrivingHost,
  ) {
    this.#inner = inner;
    this.#crew = crew;
    this.#clock = clock;
    this.#costs = costs;
    this.memory = inner.memory;
    this.vcpus = inner.vcpus;
    this.presence = inner.presence;
    if (inner.states) this.states = inner.states;
    if (host) this.host = host;
  }

  load(states: readonly VcpuState[]): string | undefined {
    this.#clock.spend(this.#costs.stateNs);
    return this.#inner.load(states);
  }

  run(): void {
    this.#clock.spend(this.#costs.startNs);
    this.host?.takeOver();
    this.#inner.run();
    this.#crew.poll(this.#clock.now());
  }

  areRunning(): boolean {
    this.#crew.poll(this.#clock.now());
    return this.#inner.areRunning();
  }

  runningSinceNs(): number {
    return this.#inner.runningSinceNs();
  }

  faults(): readonly number[] {
    this.#attend();
    const gfns = this.#inner.faults();
    this.#clock.spend(gfns.length * this.#costs.faultHandlerNs);
    return gfns;
  }

  forgetFaults(): void {
    this.#inner.forgetFaults();
  }

  isSettled(): boolean {
    this.#attend();
    return this.#inner.isSettled();
  }

  #attend(): void {
    const nowNs = this.#clock.now();
    this.#crew.attendFaults(nowNs);
    this.#crew.advance(nowNs);
    this.#crew.attendFaults(nowNs);
  }
}
