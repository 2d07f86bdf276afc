import type { GateLayer } from '../memory/gate/gate-layer.ts';
import { gateBytes } from '../memory/gate/page-gate.ts';
import { PAGE_SAMPLED, PAGE_SHARED, PAGE_SWAPPED } from '../memory/kernels/abi.ts';
import type { Memslot } from '../memory/memslot.ts';
import type { Sampler } from './sampler.ts';

/** What a host does when a guest's access needs it to act; each returns the nanoseconds that this takes. */
export interface HostFaults {
  /** The page has no machine page. */
  fault(gfn: number, atNs: number): number;
  /** The page is about to be written, and shares its machine page. */
  write(gfn: number, atNs: number): number;
  /** The page is a sampled one; the time of the access's fault. */
  readonly sampleNs: number;
}

/** The layer of a host's pages for a vCPU: what is absent is brought in, and what is shared is copied before a write. */
export function pagesLayer(host: HostFaults): GateLayer {
  return {
    bits: PAGE_SHARED | PAGE_SWAPPED,
    resolve: (slot, page, isWrite, atNs) => {
      const gfn = slot.layout.firstGfn + page;
      const gate = Atomics.load(gateBytes(slot), page);
      if ((gate & PAGE_SWAPPED) !== 0) return host.fault(gfn, atNs);
      return isWrite && (gate & PAGE_SHARED) !== 0 ? host.write(gfn, atNs) : 0;
    },
  };
}

/** The layer that counts the first access to each sampled page. */
export function sampleLayer(host: Pick<HostFaults, 'sampleNs'>, sampler: Sampler): GateLayer {
  return {
    bits: PAGE_SAMPLED,
    resolve: (slot: Memslot, page) => {
      Atomics.and(gateBytes(slot), page, ~PAGE_SAMPLED & 0xff);
      sampler.touch();
      return host.sampleNs;
    },
  };
}
