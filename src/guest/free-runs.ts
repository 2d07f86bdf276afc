import { PAGE_FREE } from '../memory/kernels/abi.ts';
import type { ManagedRange } from './managed-ranges.ts';

/** A run of free pages that is given back. */
export interface FreeRun {
  readonly range: ManagedRange;
  /** Its first page, counted in the slot. */
  readonly page: number;
  readonly pages: number;
  /** How much of it is zeroed already: a fraction of its one page, or 0. */
  readonly zeroedPages: number;
}

/** Whether a page is free and no gate, if there are any, stops a write to it. */
export function isToGive(states: Uint8Array, gates: Uint8Array | undefined, page: number): boolean {
  return states[page] === PAGE_FREE && (gates === undefined || Atomics.load(gates, page) === 0);
}
