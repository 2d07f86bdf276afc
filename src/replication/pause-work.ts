import type { ReplicationConfig } from './config.ts';

/** Returns how long the work of a pause takes, in nanoseconds, for a guest of so many pages, some of them dirty. */
export function pauseWorkNs(
  { capture, costs }: Pick<ReplicationConfig, 'capture' | 'costs'>,
  guestPages: number,
  dirtyPages: number,
): number {
  const { checkpointNs, filterNs, mapNs, stagingNs, protectNs } = costs;
  const fixedNs = checkpointNs + guestPages * filterNs;
  if (capture === 'staging') return fixedNs + dirtyPages * (mapNs + stagingNs);
  return fixedNs + (capture === 'copy-on-write' ? dirtyPages * protectNs : 0);
}

/** Returns how long it takes to make a page ready to be sent, besides its compression. */
export function sendWorkNs({
  capture,
  costs,
}: Pick<ReplicationConfig, 'capture' | 'costs'>): number {
  // A page that has been copied to the staging buffer was mapped for that.
  return costs.sendNs + (capture === 'staging' ? 0 : costs.mapNs);
}
