import type { MemoryManager } from '../guest/memory-manager.ts';
import type { GuestPlan } from '../guest/stream-plan.ts';
import type { VcpuHosting } from '../guest/vcpu.ts';
import { managedRanges } from '../guest/managed-ranges.ts';
import type { GateLayer } from '../memory/gate/gate-layer.ts';
import { gateBytes } from '../memory/gate/page-gate.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import {
  ASK_LEAVE,
  ASK_READ,
  ASK_SURRENDER,
  ASK_WRITE,
  type HostCaller,
} from '../memory/handshake/host-requests.ts';
import { BALLOON_TARGET, balloonPagesOf, TOUCHED } from '../memory/handshake/words.ts';
import {
  PAGE_PROTECTED,
  PAGE_SAMPLED,
  PAGE_SHARED,
  PAGE_SWAPPED,
  PAGE_WRITE_GATES,
} from '../memory/kernels/abi.ts';
import type { Fetched } from '../guest/guest-disk.ts';
import type { Memslot } from '../memory/memslot.ts';
import { type BalloonConfig, BalloonDriver } from './balloon.ts';

export interface VcpuHostParts {
  readonly vcpu: number;
  readonly plan: GuestPlan;
  readonly memory: GuestMemory;
  readonly words: Int32Array;
  readonly caller: HostCaller;
  /** How the driver of the guest's balloon works; absent when the guest has none. */
  readonly balloon?: BalloonConfig | undefined;
}

/**
 * The overcommitted host of a vCPU in a thread of its own, as the vCPU sees it. The host keeps its records in another
 * thread, so whatever needs them is asked for there, and the vCPU is parked until the answer. When it goes on, the host
 * may take pages again, so it looks at a page's gate after each answer and asks again if that has closed meanwhile.
 */
export class VcpuHost implements VcpuHosting {
  /** The layers of the page gate: of pages that the host has to act on, and of pages whose accesses it counts. */
  readonly layers: readonly GateLayer[];
  readonly #parts: VcpuHostParts;
  readonly #gates: readonly Uint8Array[];
  #driver: BalloonDriver | undefined;
  /** How many pages the vCPUs before this one manage, how many this one does, and how many all do. */
  #managed: readonly [number, number, number] | undefined;

  constructor(parts: VcpuHostParts) {
    const { memory, words, caller } = parts;
    this.#parts = parts;
    this.#gates = memory.slots.map(gateBytes);
    const pages: GateLayer = {
      bits: PAGE_SHARED | PAGE_SWAPPED | PAGE_PROTECTED,
      resolve: ({ layout }, page, isWrite) => {
        caller.ask(isWrite ? ASK_WRITE : ASK_READ, layout.firstGfn + page);
        return 0;
      },
    };
    const samples: GateLayer = {
      bits: PAGE_SAMPLED,
      resolve: ({ layout }, page) => {
        const gate = Atomics.and(this.#gates[layout.index]!, page, ~PAGE_SAMPLED & 0xff);
        // Of two vCPUs that touch the page at once only one is counted.
        if ((gate & PAGE_SAMPLED) !== 0) Atomics.add(words, TOUCHED, 1);
        return 0;
      },
    };
    this.layers = [pages, samples];
  }

  /** Brings a page in; what that takes goes by while the vCPU waits. */
  fetch(slot: Memslot, page: number): Fetched {
    let isSwapped = false;
    while (this.#isStopped(slot, page, PAGE_SWAPPED)) {
      const answer = this.#parts.caller.ask(ASK_READ, slot.layout.firstGfn + page);
      isSwapped ||= answer !== 0;
    }
    return { isSwapped, ns: 0 };
  }

  own(slot: Memslot, page: number): number {
    while (this.#isStopped(slot, page, PAGE_SWAPPED | PAGE_WRITE_GATES)) {
      this.#parts.caller.ask(ASK_WRITE, slot.layout.firstGfn + page);
    }
    return 0;
  }

  /** The host of guests in threads keeps no record of what is in a balloon, since none of them resets. */
  readonly regain = (): void => undefined;

  surrender({ layout }: Memslot, page: number, pages: number): void {
    this.#parts.caller.ask(ASK_SURRENDER, layout.firstGfn + page, pages);
  }

  attend(manager: MemoryManager, guestNs: number): void {
    const { balloon, words, vcpu } = this.#parts;
    if (!balloon) return;
    const driver = (this.#driver ??= this.#driverOf(manager, balloon));
    driver.targetPages = this.#partOf(Atomics.load(words, BALLOON_TARGET));
    // What the balloon has yet to take does not count in its size, so the driver waits until it has taken that.
    if (!manager.owes) driver.advance(guestNs);
    Atomics.store(words, balloonPagesOf(vcpu + 1), manager.balloonPages);
  }

  leave(): void {
    this.#parts.caller.ask(ASK_LEAVE);
  }

  #isStopped({ layout }: Memslot, page: number, bits: number): boolean {
    return (Atomics.load(this.#gates[layout.index]!, page) & bits) !== 0;
  }

  /** Makes the driver of this vCPU's part of the balloon. */
  #driverOf(manager: MemoryManager, config: BalloonConfig): BalloonDriver {
    const own = {
      ...config,
      pagesPerSecond: Math.max(1, this.#partOf(config.pagesPerSecond)),
      mostPages: this.#partOf(config.mostPages),
    };
    return new BalloonDriver(own, {
      size: () => manager.balloonPages,
      empty: () => manager.deflate(manager.balloonPages),
      inflate: (pages) => manager.inflate(pages),
      deflate: (pages) => manager.deflate(pages),
    });
  }

  /** Returns this vCPU's part of some pages, in proportion to those that it manages; the parts of all add up. */
  #partOf(pages: number): number {
    const { plan, memory, vcpu } = this.#parts;
    const [before, own, all] = (this.#managed ??= managedOf(plan, memory, vcpu));
    const upTo = (managed: number): number => Math.floor((pages * managed) / Math.max(1, all));
    return upTo(before + own) - upTo(before);
  }
}

/** Returns how many pages the vCPUs before one manage, how many that one does, and how many all do. */
function managedOf(
  plan: GuestPlan,
  memory: GuestMemory,
  vcpu: number,
): readonly [number, number, number] {
  const ranges = managedRanges(plan, memory.slots);
  const sum = (isOne: (owner: number) => boolean): number =>
    ranges.reduce((total, { owner, pages }) => total + (isOne(owner) ? pages : 0), 0);
  return [sum((owner) => owner < vcpu), sum((owner) => owner === vcpu), sum(() => true)];
}
