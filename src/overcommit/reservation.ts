import type { GuestMemory } from '../memory/guest-memory.ts';
import type { GuestGrant, OvercommitConfig } from './config.ts';

interface Reserving {
  readonly pages: { readonly memory: Pick<GuestMemory, 'pages'> };
  readonly grant: GuestGrant;
}

/**
 * Throws RangeError when, with a guest that asks to be admitted, what is guaranteed to all guests is more than the host
 * has, or the rest more than its swap store holds (Waldspurger, OSDI 2002, section 6.2).
 */
export function checkReservation(
  { overheadPages, machinePages, swap }: OvercommitConfig,
  residents: readonly Reserving[],
  asking: Reserving,
): void {
  const all = [...residents, asking];
  const reserved = all.reduce((sum, { grant }) => sum + grant.minPages + overheadPages, 0);
  if (reserved > machinePages) {
    throw new RangeError(
      `the guests' minima and overheads are ${reserved} pages, but the host has ${machinePages}`,
    );
  }
  const paged = all.reduce((sum, { pages, grant }) => sum + pages.memory.pages - grant.minPages, 0);
  if (paged > swap.pages) {
    throw new RangeError(
      `${paged} pages of the guests are not guaranteed, but the swap store holds only ${swap.pages}`,
    );
  }
}
