import type { GuestGrant, OvercommitConfig } from './config.ts';

/** A host can't give its guests the memory that they need, because of what it has and what they were granted. */
export class HostMemoryError extends Error {
  override readonly name = 'HostMemoryError';
}

/** What is admitted: a guest's memory, and what it is granted. */
export interface Admission {
  readonly pages: { readonly memory: { readonly pages: number } };
  readonly grant: GuestGrant;
}

/**
 * Checks that a host can keep what it has promised to all its guests, the newest one included. Throws HostMemoryError when
 * what is guaranteed is more than it has, or the rest more than its swap store holds (Waldspurger, section 6.2).
 */
export function checkAdmission(
  { overheadPages, machinePages, swap }: OvercommitConfig,
  guests: readonly Admission[],
): void {
  const reserved = guests.reduce((sum, { grant }) => sum + grant.minPages + overheadPages, 0);
  if (reserved > machinePages) {
    throw new HostMemoryError(
      `the guests' minima and overheads are ${reserved} pages, but the host has ${machinePages}`,
    );
  }
  const paged = guests.reduce(
    (sum, { pages, grant }) => sum + pages.memory.pages - grant.minPages,
    0,
  );
  if (paged > swap.pages) {
    throw new HostMemoryError(
      `${paged} pages of the guests are not guaranteed, but the swap store holds only ${swap.pages}`,
    );
  }
}
