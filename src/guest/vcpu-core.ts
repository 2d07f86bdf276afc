import type { WriterMarks } from '../memory/dirty-logs/dirty-log.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { GateLayer } from '../memory/gate/gate-layer.ts';
import { gateBytes } from '../memory/gate/page-gate.ts';
import { GATE } from '../memory/handshake/words.ts';
import type { WriterHandshake } from '../memory/handshake/writer.ts';
import type { SharedHints } from '../memory/hint-queues.ts';
import {
  ACCESS_READ_BIT,
  MARK_BYTE,
  PAGE_WRITE_GATES,
  STREAM_ACCESS_NS,
  STREAM_BUSY_NS,
  STREAM_DUE,
  STREAM_MARK_NS,
} from '../memory/kernels/abi.ts';
import { access, roomFor } from './access.ts';
import type { BalloonHost } from './guest-disk.ts';
import { HintDriver } from './hint-driver.ts';
import { accessesOf, type Group, noteReferences, openGroups, type Stream } from './groups.ts';
import type { ManagerCosts } from './manager-costs.ts';
import { MemoryManager } from './memory-manager.ts';
import type { PaceSpec } from './pacing.ts';
import type { GuestPlan } from './stream-plan.ts';
import { GUEST_NS, vcpuAreaAt } from './vcpu-state.ts';
import type { ZeroLog } from './zeroing.ts';

/** What every vCPU is given, whoever drives it. */
export interface VcpuSite {
  readonly vcpu: number;
  readonly plan: GuestPlan;
  readonly memory: GuestMemory;
  /** The handshake words of this side of the guest. */
  readonly words: Int32Array;
  readonly area: Float64Array;
  readonly handshake: WriterHandshake;
  readonly marks: WriterMarks;
  /** The queues of free-page hinting; absent unless the guest hints its free pages. */
  readonly hints?: SharedHints | undefined;
}

export interface VcpuCoreParts extends VcpuSite {
  /** How long the memory manager's actions take, if the driver has to account for them. */
  readonly costs?: ManagerCosts;
  /** The layers that resolve accesses that a page's gate stops, in the order in which they are asked. */
  readonly layers: readonly GateLayer[];
  /** Whether the write faults of every batch are counted. It costs a load of each mark. */
  readonly countsFresh: boolean;
  /** The host that drives the guest's balloon, if it is overcommitted. */
  readonly host?: BalloonHost | undefined;
  /** Returns the pace to use in place of a planned one; a driver on a virtual clock needs it for the pace `max`. */
  readonly paceOf?: (spec: PaceSpec) => PaceSpec;
}

/** How long an access takes, and how much longer one that marks its page, in nanoseconds. */
export interface BatchCosts {
  readonly accessNs: number;
  readonly firstWriteNs: number;
}

/**
 * The outcome of a batch. `made`: accesses were made. `idle`: no access is due that may be made now. `full`: nothing
 * was done, because the ring has no room. `gated`: nothing was done, because the gate of the first page stops the
 * access; `resolve` comes next.
 */
export type BatchEnd = 'made' | 'idle' | 'full' | 'gated';

/**
 * What is the same for every vCPU, whoever drives it: it makes accesses, a batch at a time. It neither waits nor reads
 * a clock nor polls. A driver (a thread in real time, a virtual clock, a rehearsal, a test) lets guest time pass, asks
 * for a batch between two polls, and decides how to wait.
 */
export class VcpuCore {
  readonly groups: readonly Group[];
  /** The number of accesses of the last batch that was made. */
  accesses = 0;
  /** The number of write faults of that batch (pages that were not marked before), if they are counted. */
  fresh = 0;
  /** The time that the memory manager took for that batch, or for the last pages that it gave back. */
  managerNs = 0;
  /** The stream whose accesses were listed last. */
  stream: Stream | undefined;
  /** The layer that `resolve` has asked last. */
  layer: GateLayer | undefined;
  readonly #parts: VcpuCoreParts;
  readonly #at: number;
  readonly #gates: readonly Uint8Array[];
  readonly #manager: MemoryManager | undefined;
  /** Its part of the guest's free-page hinting; absent unless the guest does that. */
  readonly hints: HintDriver | undefined;
  /** The one group of a vCPU with a single stream, whose batches nothing has to come between. */
  readonly #lone: Group | undefined;
  #turn = 0;

  constructor(parts: VcpuCoreParts) {
    const { vcpu, plan, memory, area, handshake } = parts;
    this.#parts = parts;
    this.#at = vcpuAreaAt(plan, vcpu);
    this.#gates = memory.slots.map(gateBytes);
    this.groups = openGroups({ vcpu, plan, memory, area }, handshake.local.writer, parts.paceOf);
    if (plan.manager) this.#manager = new MemoryManager(parts);
    this.hints = openHints(parts, this.#manager);
    const [only, ...others] = this.groups;
    const isLone = others.length === 0 && only?.streams.length === 1 && !plan.manager;
    if (isLone && plan.lruScanNs === undefined) this.#lone = only;
  }

  /** The guest time, which excludes stops. */
  get guestNs(): number {
    return this.#parts.area[this.#at + GUEST_NS]!;
  }

  /** What its memory manager has zeroed on this side. */
  get zeroings(): ZeroLog {
    return this.#manager?.log ?? [];
  }

  /** Lets guest time pass while the vCPU runs, so that more accesses are due. */
  pass(ns: number): void {
    const { guestNs, groups } = this;
    for (let i = 0; i < groups.length; i++) groups[i]!.pacer.advance(guestNs, guestNs + ns);
    this.#parts.area[this.#at + GUEST_NS] = guestNs + ns;
  }

  /** Makes so many more accesses of its first workload due; that workload has an even pace. */
  owe(accesses: number): void {
    this.groups[0]!.pacer.owe(accesses);
  }

  /** Drops accesses that have been due for too long (MADE_UP_LAG_NS). */
  forgetLag(): void {
    const { groups } = this;
    for (let i = 0; i < groups.length; i++) {
      const { pacer, streams } = groups[i]!;
      pacer.forgetLag(accessesOf(streams[0]!));
    }
  }

  /** Notes that the guest stood still and its time with it; accesses due meanwhile are not made up for. */
  miss(ns: number): void {
    const { guestNs } = this;
    for (const { pacer } of this.groups) pacer.missed(guestNs, ns);
  }

  /**
   * Lets guest time pass while the vCPU is throttled, blocked or robbed of its CPU; accesses due meanwhile are made up
   * for as far as their workload's `catchUpNs` allows.
   */
  stall(ns: number): void {
    const { guestNs } = this;
    for (const { pacer } of this.groups) pacer.held(guestNs, ns);
    this.#parts.area[this.#at + GUEST_NS]! += ns;
  }

  /** Returns the guest time until the next access is due; Infinity when none will be. */
  untilDueNs(): number {
    const { guestNs } = this;
    let leastNs = Infinity;
    for (const { pacer, streams } of this.groups) {
      leastNs = Math.min(leastNs, pacer.nextDueInNs(guestNs, accessesOf(streams[0]!)));
    }
    return leastNs;
  }

  /** Returns the first group, in their fixed order, that may make an access now; undefined when none may. */
  firstDue(): Group | undefined {
    const { guestNs } = this;
    const stunAfter = this.#stunAfter();
    return this.groups.find(
      ({ pacer, streams, faults }) =>
        pacer.due(guestNs, accessesOf(streams[0]!)) > 0 && faults.left(stunAfter) > 0,
    );
  }

  /** Makes a batch of at most `most` accesses of one group; groups that have accesses due take turns. */
  next(most: number): BatchEnd {
    const { groups } = this;
    for (let i = 0; i < groups.length; i++) {
      const turn = (this.#turn + i) % groups.length;
      const end = this.batch(groups[turn]!, most);
      if (end === 'idle') continue;
      if (end === 'made') this.#turn = (turn + 1) % groups.length;
      return end;
    }
    return 'idle';
  }

  /**
   * Makes all batches up to `endNs` at once, if a kernel can do that: of the only stream of a vCPU, with write faults
   * counted in a bitmap. No gate may be on. Returns the time until which the vCPU is busy, which is `busyNs` at
   * first; undefined when it has to make its batches one by one.
   */
  runUntil(endNs: number, busyNs: number, costs: BatchCosts): number | undefined {
    const { handshake, marks, countsFresh } = this.#parts;
    const lone = this.#lone;
    const owed = lone?.pacer.owed;
    const { epoch, mode, writer } = handshake.local;
    const canMark = countsFresh && !marks.ring && marks.mark !== MARK_BYTE;
    if (!lone || owed === undefined || !canMark || this.#stunAfter() > 0) return undefined;
    const stream = lone.streams[0]!;
    const { slot, record, list } = stream;
    const { doubles, kernels, layout } = slot;
    doubles[(record + STREAM_BUSY_NS) >>> 3] = busyNs;
    doubles[(record + STREAM_DUE) >>> 3] = owed;
    doubles[(record + STREAM_ACCESS_NS) >>> 3] = costs.accessNs;
    doubles[(record + STREAM_MARK_NS) >>> 3] = costs.firstWriteNs;
    lone.faults.left(0);
    const map = marks.mapOf(layout, writer, epoch);
    const isLogged = mode === 0 ? 0 : 1;
    lone.faults.had(kernels.runUntil(record, list, map, isLogged, lone.batch, endNs));
    lone.pacer.leave(doubles[(record + STREAM_DUE) >>> 3]!);
    return doubles[(record + STREAM_BUSY_NS) >>> 3]!;
  }

  /** Makes a batch of at most `most` accesses of a group. */
  batch(group: Group, most: number): BatchEnd {
    const { handshake, marks, plan, countsFresh } = this.#parts;
    const { guestNs } = this;
    const due = Math.min(group.pacer.due(guestNs, accessesOf(group.streams[0]!)), group.batch);
    if (due <= 0) return 'idle';
    const { place, most: inARow } = group.deal(group.madeAt);
    const stream = group.streams[place]!;
    const stunAfter = this.#stunAfter();
    const wanted = Math.min(due, most, inARow, group.faults.left(stunAfter));
    if (wanted <= 0) return 'idle';
    const room = roomFor(marks, handshake.local);
    if (room === 0) return 'full';
    const asked = Math.min(wanted, room);
    stream.slot.kernels.nextGfns(stream.record, asked, stream.list);
    this.stream = stream;
    const plain = this.#plainOf(stream, asked);
    if (plain === 0) return 'gated';
    const manager = this.#manager;
    const count = manager ? manager.together(stream.slot, stream.list, plain) : plain;
    this.managerNs = this.hints?.admit(stream.slot, stream.list, count) ?? 0;
    if (manager) this.managerNs += manager.admit(stream.slot, stream.list, count, guestNs);
    // To make room for a page, the guest may have paged another out, for which its host may have taken this very page.
    if (this.#parts.host && this.#plainOf(stream, count) < count) return 'gated';
    noteReferences(stream, count, guestNs, plan.lruScanNs);
    const fresh = access(stream, count, marks, handshake.local, countsFresh || stunAfter > 0);
    group.faults.had(fresh);
    group.pacer.spend(count);
    this.accesses = count;
    this.fresh = fresh;
    return 'made';
  }

  /** The page of the first access listed last, counted in its stream's slot; after `gated` it is the page at fault. */
  get page(): number {
    return this.#first & ~ACCESS_READ_BIT;
  }

  /**
   * After `gated`, has the layer that stops the access clear the way for it; returns what the layer returns
   * (GateLayer.resolve), or 0 when nothing stops the access any more. Throws when no layer owns the bits of the gate.
   */
  resolve(atNs: number): number {
    const { slot } = this.stream!;
    const { page } = this;
    const isWrite = (this.#first & ACCESS_READ_BIT) === 0;
    const gate = Atomics.load(this.#gates[slot.layout.index]!, page);
    const stops = isWrite ? gate : gate & ~PAGE_WRITE_GATES;
    if (stops === 0) return 0;
    const layer = this.#parts.layers.find(({ bits }) => (bits & stops) !== 0);
    if (!layer) {
      const gfn = slot.layout.firstGfn + page;
      throw new Error(`no layer of the vCPU's gate resolves the state ${gate} of page ${gfn}`);
    }
    this.layer = layer;
    return layer.resolve(slot, page, isWrite, atNs);
  }

  get #first(): number {
    const { slot, list } = this.stream!;
    return slot.words[list >>> 2]!;
  }

  /** Its memory manager, for a host that drives the guest's balloon; undefined when the guest has none. */
  get manager(): MemoryManager | undefined {
    return this.#manager;
  }

  /** Has the memory manager begin to give back what the engine has asked for. */
  attendManager(): void {
    this.#manager?.attend();
  }

  /** Returns the guest time until the memory manager next does something by itself; Infinity when it never does. */
  untilManagedNs(): number {
    return this.#manager ? this.#manager.nextNs() - this.guestNs : Infinity;
  }

  /** Has the memory manager do what is due by now or within `slackNs`. */
  manage(slackNs: number): void {
    const untilNs = this.guestNs + slackNs;
    if (this.#manager && this.#manager.nextNs() <= untilNs) this.#manager.tick(untilNs);
  }

  /** Has the balloon take at most `most` of the pages that it has yet to take, or zero that part of one. `gated` is no outcome of this. */
  giveBack(most: number): BatchEnd {
    const { handshake, marks } = this.#parts;
    const manager = this.#manager;
    if (!manager?.owes) return 'idle';
    const room = roomFor(marks, handshake.local);
    if (room === 0) return 'full';
    this.managerNs = manager.step(Math.min(room, most));
    return 'made';
  }

  /**
   * Sends one free block as a hint, if the host wants any. Returns false when there is nothing to send, or the queue has
   * no room.
   */
  sendHint(): boolean {
    const { hints } = this;
    return hints !== undefined && hints.attend() && hints.seek() && hints.send();
  }

  /** Returns how many accesses of the list come before the first that a gate stops: all while no layer is on. */
  #plainOf({ slot, list }: Stream, count: number): number {
    if (Atomics.load(this.#parts.words, GATE) === 0) return count;
    return slot.kernels.countPlain(list, count, slot.layout.gates);
  }

  /** Returns the number of write faults after which a process waits; 0 when none does or the log is off. */
  #stunAfter(): number {
    const { handshake } = this.#parts;
    return handshake.local.mode === 0 ? 0 : handshake.stunAfter();
  }
}

/** Opens a vCPU's part of free-page hinting; a guest whose balloon an overcommitted host drives hints nothing. */
function openHints(
  parts: VcpuCoreParts,
  manager: MemoryManager | undefined,
): HintDriver | undefined {
  const { vcpu, plan, memory, handshake, hints: queues } = parts;
  if (!manager || !queues || parts.host) return undefined;
  return new HintDriver({ vcpu, plan, slots: memory.slots, handshake, queues, manager });
}
