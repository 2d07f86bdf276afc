import { type GateLayer, WAITS } from '../memory/gate/gate-layer.ts';
import { gateBytes } from '../memory/gate/page-gate.ts';
import { PAGE_PRESENCE } from '../memory/kernels/abi.ts';
import type { Memslot } from '../memory/memslot.ts';
import { faultSteps } from '../memory/presence/steps.ts';
import { type FaultLog, FaultRecorder } from './faults.ts';
import { BLOCKED_NS, FAULTS, REQUESTED_NS } from './vcpu-state.ts';

export interface PendingFaultsParts {
  /** The handshake words of this side of the guest. */
  readonly words: Int32Array;
  readonly writer: number;
  /** The vCPUs' area, and where this vCPU's part of it begins. */
  readonly area: Float64Array;
  readonly at: number;
  readonly costs: { readonly wakeNs: number; readonly minorFaultNs: number };
}

/** A page that the vCPU waits for, since `ns`. The engine sees it from `announce` on. */
interface PendingFault {
  readonly slot: Memslot;
  readonly page: number;
  readonly gfn: number;
  readonly ns: number;
  isAnnounced: boolean;
}

/** Demand faults of a vCPU on a virtual clock: the fault is pending until somebody tells that its page has come. */
export class PendingFaults implements GateLayer {
  readonly bits = PAGE_PRESENCE;
  readonly #parts: PendingFaultsParts;
  readonly #recorder = new FaultRecorder();
  #pending: PendingFault | undefined;

  constructor(parts: PendingFaultsParts) {
    this.#parts = parts;
  }

  log(): FaultLog | undefined {
    return this.#recorder.log();
  }

  resolve(slot: Memslot, page: number, _isWrite: boolean, atNs: number): number {
    if (faultSteps.map(gateBytes(slot), page)) {
      this.#recorder.minor();
      return this.#parts.costs.minorFaultNs;
    }
    const gfn = slot.layout.firstGfn + page;
    this.#pending = { slot, page, gfn, ns: atNs, isAnnounced: false };
    return WAITS;
  }

  /** When the pending fault is one that nobody has been told of; Infinity: there is none. */
  get unannouncedNs(): number {
    const fault = this.#pending;
    return fault && !fault.isAnnounced ? fault.ns : Infinity;
  }

  /**
   * Tells the engine of a fault whose time has come. True: its page has come already, and the vCPU goes on
   * from where it was.
   */
  announce(nowNs: number): boolean {
    const fault = this.#pending;
    if (!fault || fault.isAnnounced || fault.ns > nowNs) return false;
    const { words, writer } = this.#parts;
    fault.isAnnounced = true;
    faultSteps.want(words, writer, fault.gfn);
    if (!faultSteps.isPresent(gateBytes(fault.slot), fault.page)) return false;
    faultSteps.drop(words, writer);
    this.#pending = undefined;
    return true;
  }

  settle(nowNs: number): number {
    const fault = this.#pending;
    const { words, writer, area, at, costs } = this.#parts;
    if (!fault?.isAnnounced || faultSteps.isWanted(words, writer, fault.gfn)) return Infinity;
    this.#pending = undefined;
    faultSteps.map(gateBytes(fault.slot), fault.page);
    const endNs = nowNs + costs.wakeNs;
    area[at + BLOCKED_NS]! += endNs - fault.ns;
    area[at + FAULTS]! += 1;
    this.#recorder.record(fault.ns, endNs, area[at + REQUESTED_NS]!);
    return endNs;
  }
}
