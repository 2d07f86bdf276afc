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
  /** The area of the vCPUs' state (vcpu-state.ts), and the index at which this vCPU's part begins. */
  readonly area: Float64Array;
  readonly at: number;
  readonly costs: { readonly wakeNs: number; readonly minorFaultNs: number };
}

/** The page for which the vCPU has been waiting since `ns`. The engine knows of it from `announce` on. */
interface PendingFault {
  readonly slot: Memslot;
  readonly page: number;
  readonly gfn: number;
  readonly ns: number;
  isAnnounced: boolean;
}

/** The gate layer of demand faults for a vCPU on a virtual clock: a fault is pending until `settle` finds its page. */
export class PendingFaults implements GateLayer {
  readonly bits = PAGE_PRESENCE;
  readonly #parts: PendingFaultsParts;
  readonly #recorder = new FaultRecorder();
  #fault: PendingFault | undefined;

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
    this.#fault = { slot, page, gfn, ns: atNs, isAnnounced: false };
    return WAITS;
  }

  /** The time of the pending fault, if the engine does not know of it yet; else Infinity. */
  get unannouncedNs(): number {
    const fault = this.#fault;
    return fault && !fault.isAnnounced ? fault.ns : Infinity;
  }

  /**
   * Tells the engine of a pending fault whose time has come. Returns true when its page has arrived already, so that
   * there is no fault and the vCPU goes on from where it was.
   */
  announce(nowNs: number): boolean {
    const fault = this.#fault;
    if (!fault || fault.isAnnounced || fault.ns > nowNs) return false;
    const { words, writer } = this.#parts;
    fault.isAnnounced = true;
    faultSteps.want(words, writer, fault.gfn);
    if (!faultSteps.isPresent(gateBytes(fault.slot), fault.page)) return false;
    faultSteps.drop(words, writer);
    this.#fault = undefined;
    return true;
  }

  settle(nowNs: number): number {
    const fault = this.#fault;
    const { words, writer, area, at, costs } = this.#parts;
    if (!fault?.isAnnounced || faultSteps.isWanted(words, writer, fault.gfn)) return Infinity;
    this.#fault = undefined;
    faultSteps.map(gateBytes(fault.slot), fault.page);
    const endNs = nowNs + costs.wakeNs;
    area[at + BLOCKED_NS]! += endNs - fault.ns;
    area[at + FAULTS]! += 1;
    this.#recorder.record(fault.ns, endNs, area[at + REQUESTED_NS]!);
    return endNs;
  }
}
