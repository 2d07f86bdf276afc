import type { WriterMarks } from '../memory/dirty-logs/dirty-log.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { GateLayer } from '../memory/gate/gate-layer.ts';
import { gateBytes } from '../memory/gate/page-gate.ts';
import { GATE } from '../memory/handshake/words.ts';
import type { WriterHandshake } from '../memory/handshake/writer.ts';
import { ACCESS_READ_BIT, PAGE_WRITE_GATES } from '../memory/kernels/abi.ts';
import { access, roomFor } from './access.ts';
import { type Group, made, noteReferences, openGroups, type Stream } from './groups.ts';
import { type ManagerCosts, MemoryManager } from './memory-manager.ts';
import type { PaceSpec } from './pacing.ts';
import type { GuestPlan } from './stream-plan.ts';
import { GUEST_NS, vcpuAreaAt } from './vcpu-state.ts';
import type { ZeroLog } from './zeroing.ts';

export interface VcpuCoreParts {
  readonly vcpu: number;
  readonly plan: GuestPlan;
  readonly memory: GuestMemory;
  /** The handshake words of this side of the guest. */
  readonly words: Int32Array;
  readonly area: Float64Array;
  readonly handshake: WriterHandshake;
  readonly marks: WriterMarks;
  /** What the memory manager's doings take, where the driver accounts for it. */
  readonly costs?: ManagerCosts;
  /** Who resolves what the gate of a page stops, in the order in which they are asked. */
  readonly layers: readonly GateLayer[];
  /** Whether the driver wants to know the write faults of every batch, which costs a look at each mark. */
  readonly countsFresh: boolean;
  /** Replaces a pace, as a driver with a clock of its own may have to. */
  readonly paceOf?: (spec: PaceSpec) => PaceSpec;
}

/**
 * What came of a batch. `made`: its accesses. `idle`: nothing is due that may be done now. `full`: the
 * ring has no room, and nothing was done. `gated`: the next access may not be made as it is (`resolve`).
 */
export type BatchEnd = 'made' | 'idle' | 'full' | 'gated';

/**
 * What every vCPU does, whoever drives it: one batch of accesses at a time. It neither waits nor looks
 * at a clock nor polls. A driver (a thread in real time, a virtual clock, a rehearsal, a test) lets guest
 * time pass, asks for a batch between two polls, and decides what waiting means.
 */
export class VcpuCore {
  readonly groups: readonly Group[];
  /** Accesses of the last batch that was made. */
  accesses = 0;
  /** Pages among them that were not marked before: its write faults, where they are counted. */
  fresh = 0;
  /** What the memory manager took for the last batch, or for what it gave back. */
  managerNs = 0;
  /** The stream of the last batch that came as far as its list of accesses. */
  stream: Stream | undefined;
  /** The layer that was asked last. */
  layer: GateLayer | undefined;
  readonly #parts: VcpuCoreParts;
  readonly #at: number;
  readonly #gates: readonly Uint8Array[];
  readonly #manager: MemoryManager | undefined;
  #turn = 0;

  constructor(parts: VcpuCoreParts) {
    const { vcpu, plan, memory, area, handshake } = parts;
    this.#parts = parts;
    this.#at = vcpuAreaAt(plan, vcpu);
    this.#gates = memory.slots.map(gateBytes);
    this.groups = openGroups({ vcpu, plan, memory, area }, handshake.local.writer, parts.paceOf);
    if (plan.manager) this.#manager = new MemoryManager(parts);
  }

  /** The time that the guest has seen pass: stops don't count. */
  get guestNs(): number {
    return this.#parts.area[this.#at + GUEST_NS]!;
  }

  /** What its memory manager has zeroed. */
  get zeroings(): ZeroLog {
    return this.#manager?.log ?? [];
  }

  /** Guest time passes while the vCPU runs: what is due grows by it. */
  pass(ns: number): void {
    const { guestNs, groups } = this;
    for (let i = 0; i < groups.length; i++) groups[i]!.pacer.advance(guestNs, guestNs + ns);
    this.#parts.area[this.#at + GUEST_NS] = guestNs + ns;
  }

  /** What has been due for too long is not made up any more. */
  forgetLag(): void {
    const { groups } = this;
    for (let i = 0; i < groups.length; i++) {
      const { pacer, streams } = groups[i]!;
      pacer.forgetLag(made(streams[0]!));
    }
  }

  /** The guest stood still, in its own time too: accesses due meanwhile are not made up. */
  miss(ns: number): void {
    const { guestNs } = this;
    for (const { pacer } of this.groups) pacer.missed(guestNs, ns);
  }

  /** Guest time goes on while the vCPU does not run; accesses due meanwhile are not made up. */
  stall(ns: number): void {
    this.miss(ns);
    this.#parts.area[this.#at + GUEST_NS]! += ns;
  }

  /** Guest time until the next access is due; Infinity when none will be. */
  untilDueNs(): number {
    const { guestNs } = this;
    let leastNs = Infinity;
    for (const { pacer, streams } of this.groups) {
      leastNs = Math.min(leastNs, pacer.nextDueInNs(guestNs, made(streams[0]!)));
    }
    return leastNs;
  }

  /** The first group, in their own order, that may make an access now. */
  firstDue(): Group | undefined {
    const { guestNs } = this;
    const stunAfter = this.#stunAfter();
    return this.groups.find(
      ({ pacer, streams, faults }) =>
        pacer.due(guestNs, made(streams[0]!)) > 0 && faults.left(stunAfter) > 0,
    );
  }

  /** One batch, of at most so many accesses, of the next group in turn that has something due. */
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

  /** One batch, of at most so many accesses, of a group. */
  batch(group: Group, most: number): BatchEnd {
    const { handshake, marks, plan, countsFresh } = this.#parts;
    const { guestNs } = this;
    const due = Math.min(group.pacer.due(guestNs, made(group.streams[0]!)), group.batch);
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
    const count = this.#plainOf(stream, asked);
    if (count === 0) return 'gated';
    const manager = this.#manager;
    this.managerNs = manager ? manager.admit(stream.slot, stream.list, count, guestNs) : 0;
    noteReferences(stream, count, guestNs, plan.lruScanNs);
    const fresh = access(stream, count, marks, handshake.local, countsFresh || stunAfter > 0);
    group.faults.had(fresh);
    group.pacer.spend(count);
    this.accesses = count;
    this.fresh = fresh;
    return 'made';
  }

  /** The page of the access that the last batch would have begun with, in its stream's slot. */
  get page(): number {
    return this.#first & ~ACCESS_READ_BIT;
  }

  /**
   * Has the layer that owns it make the way free for the access that was `gated`; returns what it says
   * (GateLayer): 0 when the access is plain by now. Throws when no layer knows the page's gate.
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

  /** What the engine wants back from the guest: its memory manager begins with it. */
  attendManager(): void {
    this.#manager?.attend();
  }

  /** Guest time until the memory manager does something by itself; Infinity: never. */
  untilManagedNs(): number {
    return this.#manager ? this.#manager.nextNs() - this.guestNs : Infinity;
  }

  /** The memory manager does what is due by now, or within `slackNs`. */
  manage(slackNs: number): void {
    const untilNs = this.guestNs + slackNs;
    if (this.#manager && this.#manager.nextNs() <= untilNs) this.#manager.tick(untilNs);
  }

  /** The balloon takes some of what it is owed: at most so many pages. */
  giveBack(most: number): BatchEnd {
    const { handshake, marks } = this.#parts;
    const manager = this.#manager;
    if (!manager?.owes) return 'idle';
    const room = roomFor(marks, handshake.local);
    if (room === 0) return 'full';
    this.managerNs = manager.step(Math.min(room, most));
    return 'made';
  }

  /** The first accesses of the list that may be made as they are; all of them while no layer is on. */
  #plainOf({ slot, list }: Stream, count: number): number {
    if (Atomics.load(this.#parts.words, GATE) === 0) return count;
    return slot.kernels.countPlain(list, count, slot.layout.gates);
  }

  /** Write faults after which a process waits; 0: there are none, or nobody counts. */
  #stunAfter(): number {
    const { handshake } = this.#parts;
    return handshake.local.mode === 0 ? 0 : handshake.stunAfter();
  }
}
