import { MAX_VIRTUAL_RING_BYTES, mostBytesPerSecond, ringBytes } from '../../link/capacity.ts';
import { formatValue } from '../../scenario/fields.ts';
import type { Problem } from '../../scenario/problem.ts';
import { parseDuration } from '../../units/duration.ts';
import { formatBitRate, parseRate } from '../../units/rate.ts';
import { formatSize } from '../../units/size.ts';
import type { FleetFile } from './schema.ts';

/**
 * Returns what is wrong with the links above hosts whose network cards have no limit: a migration between such hosts is
 * as fast as these links, and what is under way on them has to fit a ring. Other hosts are no faster than their cards,
 * which are checked as the link of a scenario is.
 */
export function checkUplinks(
  { hosts, network }: Pick<FleetFile, 'hosts' | 'network'>,
  pageSize: number,
): Problem[] {
  const isUnlimited = hosts.filter(({ nic }) => parseRate(nic) === Infinity);
  const count = isUnlimited.reduce((sum, { count: more = 1 }) => sum + more, 0);
  if (count < 2) return [];
  const clusters = new Set(isUnlimited.map(({ cluster }) => cluster));
  const racks = new Set(isUnlimited.map(({ cluster, rack }) => `${cluster}/${rack}`));
  const used = [
    ...(racks.size > clusters.size ? [['rack'] as const] : []),
    ...(clusters.size > 1 ? [['rack', 'cluster'] as const] : []),
  ];
  const latencyNs = parseDuration(network.latency);
  for (const keys of used) {
    const [key] = keys.toSorted((a, b) => parseRate(network[a]) - parseRate(network[b]));
    const rate = parseRate(network[key!]);
    if (ringBytes(rate, latencyNs, pageSize, true) !== undefined) continue;
    const most = formatBitRate(mostBytesPerSecond(latencyNs, pageSize, true));
    const sentence =
      `${formatValue(network[key!])} is more than the ${most} that runtime virtual emulates with a latency of ` +
      `${formatValue(network.latency)} between hosts with unlimited network cards, as at most ` +
      `${formatSize(MAX_VIRTUAL_RING_BYTES)} may be under way: lower it, the latency or their nic`;
    return [{ path: ['network', key!], sentence }];
  }
  return [];
}
