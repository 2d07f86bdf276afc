import { type GuestMemory, slotOf } from './guest-memory.ts';

/** Whether a page of a guest is zero; of a page that is a version, whether nothing was ever written to it. */
export function gfnIsZero(memory: GuestMemory, gfn: number): boolean {
  const { layout, kernels, words } = slotOf(memory, gfn);
  const at = layout.ramOffset + (gfn - layout.firstGfn) * layout.storedBytes;
  if (layout.backing === 'versions') return words[at >>> 2] === 0;
  return kernels.isZero(at, layout.storedBytes);
}
