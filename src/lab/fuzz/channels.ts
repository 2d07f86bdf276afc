import type { Workload } from '../../guest/workload.ts';
import { Generator } from '../../random/generator.ts';
import type { RunConfig } from '../../runtime/config.ts';
import type { ChannelStall, DrawnRun } from './draw.ts';

/** It keeps what is drawn here apart from all else that is drawn from a seed. */
const CHANNELS = 0xc4a2;

type One = <Value>(values: readonly Value[]) => Value;

/**
 * Has a drawn run send its pages over 1 to 8 channels. Most guests write all over their memory while some channels stall, and
 * senders and receivers have work enough to overtake each other, so that an old copy of a page would often arrive behind a
 * newer one if nothing kept it from that. The rest of the run stays as it is, but for a pure post-copy, which has no pages
 * for channels.
 */
export function withChannels(seed: number, { config, trouble }: DrawnRun): DrawnRun {
  const random = new Generator(seed, CHANNELS);
  const one: One = (values) => values[random.below(values.length)]!;
  const { migration, costs, link } = config;
  const channels = 1 + random.below(8);
  const packetPages = one([undefined, undefined, 128]);
  const channelStalls = Array.from({ length: one([0, 6, 6]) }, (): ChannelStall => ({
    channel: random.below(channels),
    afterNs: random.below(20) * 1e6,
    forNs: one([2e6, 10e6, 40e6]),
  }));
  return {
    config: {
      ...config,
      guest: busy(one, config.guest),
      link: { ...link, bytesPerSecond: one([link.bytesPerSecond, 125e6, 400e6, 1e9]) },
      costs: {
        ...costs,
        encodeNs: one([costs.encodeNs, 4000, 20_000]),
        installNs: one([costs.installNs, 4000, 20_000]),
        channelCpus: one([1, 2, Infinity]),
      },
      migration: {
        ...migration,
        algorithm:
          migration.algorithm === 'postcopy'
            ? one(['precopy', 'hybrid', 'stop-and-copy'])
            : migration.algorithm,
        policy: one([migration.policy, 'rounds']),
        rounds: one([migration.rounds, 8]),
        channels,
        zeroPageDetection: one(['multifd', 'multifd', 'legacy']),
        ...(packetPages === undefined ? {} : { packetPages }),
      },
    },
    trouble,
    channelStalls,
  };
}

/** Gives a guest without a memory manager, whose workloads must not overlap, one that writes all over its memory. */
function busy(one: One, guest: RunConfig['guest']): RunConfig['guest'] {
  const rate = one([undefined, 3000, 15_000, 100_000]);
  if (guest.memoryManager || rate === undefined) return guest;
  const workload: Workload = {
    pattern: one([{ kind: 'uniform' }, { kind: 'sequential' }]),
    firstGfn: 0,
    pages: guest.memoryBytes / guest.pageSize,
    rate,
    writes: 1,
    wordsPerPage: 1,
    fromNs: 0,
    untilNs: Infinity,
  };
  return { ...guest, workloads: [workload, ...guest.workloads.slice(0, 3)] };
}
