import type { FleetHostSpec } from './config.ts';

/** A guest that needs a host; `host` is the one that its file names. */
export interface Placed {
  readonly memoryBytes: number;
  readonly vcpus: number;
  readonly host?: number;
}

/** Returns the index of each guest's host, or of the first guest that no host has the memory for. */
export function place(
  kind: 'first-fit' | 'best-fit' | 'spread',
  hosts: readonly FleetHostSpec[],
  guests: readonly Placed[],
): { readonly hosts: readonly number[] } | { readonly homeless: number } {
  const free = hosts.map(({ memoryBytes }) => memoryBytes);
  const vcpus = hosts.map(() => 0);
  const places: number[] = [];
  const settle = (guest: Placed, host: number): void => {
    free[host]! -= guest.memoryBytes;
    vcpus[host]! += guest.vcpus;
  };
  // Those with a place of their own come first, whatever their order.
  for (const [index, guest] of guests.entries()) {
    if (guest.host === undefined) continue;
    if (free[guest.host]! < guest.memoryBytes) return { homeless: index };
    settle(guest, guest.host);
    places[index] = guest.host;
  }
  for (const [index, guest] of guests.entries()) {
    if (guest.host !== undefined) continue;
    let found = -1;
    for (const [host, { isScratch }] of hosts.entries()) {
      if (isScratch || free[host]! < guest.memoryBytes) continue;
      if (found < 0 || isBetter(kind, host, found)) found = host;
      if (kind === 'first-fit') break;
    }
    if (found < 0) return { homeless: index };
    settle(guest, found);
    places[index] = found;
  }
  return { hosts: places };

  function isBetter(by: typeof kind, host: number, than: number): boolean {
    if (by === 'best-fit') return free[host]! < free[than]!;
    if (by !== 'spread') return false;
    const own = vcpus[host]! / hosts[host]!.cpus;
    const other = vcpus[than]! / hosts[than]!.cpus;
    return own < other || (own === other && free[host]! > free[than]!);
  }
}
