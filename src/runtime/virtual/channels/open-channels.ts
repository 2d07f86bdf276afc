import type { VirtualClock } from '../../../clock/virtual.ts';
import { ringLink } from '../../../link/ring-link.ts';
import type { Pacing } from '../../../link/pacing.ts';
import type { SharedRing } from '../../../link/ring.ts';
import type { GuestMemory } from '../../../memory/guest-memory.ts';
import { BatchSizes } from '../../../migration/batch-sizes.ts';
import { channelEncoding } from '../../../migration/channels/channel-sender.ts';
import type { SourceOptions } from '../../../migration/source-options.ts';
import type { Doorbell } from '../../../memory/doorbell.ts';
import { VirtualLink, type VirtualLinkParts, sentMarks } from '../link.ts';
import type { VirtualWorker } from '../virtual-worker.ts';
import { ChannelCpus } from './channel-cpus.ts';
import { VirtualReceivers } from './receivers.ts';
import { VirtualSenders } from './senders.ts';

export interface ChannelsParts {
  readonly rings: readonly SharedRing[];
  readonly latencyNs: number;
  /** The pacing of the main channel, which all share. */
  readonly pacing: Pacing;
  readonly clocks: { readonly source: VirtualClock; readonly destination: VirtualClock };
  readonly doorbells: { readonly source: Doorbell; readonly destination: Doorbell };
  /** What the ends of all channels have in common with those of the main one. */
  readonly shared: Pick<
    VirtualLinkParts,
    'costs' | 'pageSize' | 'storedBytes' | 'slots' | 'stalledUntilNs'
  >;
  readonly neighbours: NonNullable<VirtualLinkParts['neighbours']>;
  /** Runs the guest at the source until a point in time, before pages are read. */
  readonly liveUntil: (ns: number) => void;
  readonly options: SourceOptions;
  readonly target: GuestMemory;
  readonly isLost: () => boolean;
  readonly workers: ChannelWorkers;
}

/** The workers of channels on the CPUs of their hosts; there are none where hosts do not count these. */
export interface ChannelWorkers {
  readonly senders: readonly VirtualWorker[];
  readonly receivers: readonly VirtualWorker[];
}

/** The two ends of a migration's channels on a virtual clock. */
export interface VirtualChannels {
  readonly senders: VirtualSenders;
  readonly receivers: VirtualReceivers;
  /** Lets nothing arrive over a channel before a point in time. */
  readonly stall: (channel: number, untilNs: number) => void;
}

/** Opens the channels of a migration, one over each ring. */
export function openChannels(parts: ChannelsParts): VirtualChannels {
  const { rings, shared, clocks, options, workers } = parts;
  const count = rings.length;
  const sent = sentMarks(shared);
  const sizes = new BatchSizes(shared.pageSize, options);
  const { costs, pageSize } = shared;
  // Costs hold for 4 KiB, and grow with the page size.
  const scale = pageSize / 4096;
  const stalledUntilNs = parts.rings.map(() => 0);
  const sending = cpusOf(parts);
  const receiving = cpusOf(parts);
  const senders = new VirtualSenders({
    count,
    open: (channel, clock) =>
      new VirtualLink({
        ...shared,
        inner: channelLink(parts, channel, clock),
        clock,
        sent,
        neighbours: parts.neighbours,
        ...sending,
        ...workerOf(workers.senders[channel]),
        beforeRead: () => parts.liveUntil(clock.now()),
      }),
    encoding: channelEncoding(options),
    clock: clocks.source,
    handPageNs: costs.handPageNs * scale,
    scanNs: costs.scanNs * scale,
    mostFramePages: sizes.mostPages,
    frameBytes: (pages) => sizes.frameBytes(pages),
    isLost: parts.isLost,
  });
  const receivers = new VirtualReceivers({
    count,
    open: (channel, clock) =>
      new VirtualLink({
        ...shared,
        stalledUntilNs: () => Math.max(shared.stalledUntilNs(), stalledUntilNs[channel]!),
        inner: channelLink(parts, channel, clock),
        clock,
        ...receiving,
        ...workerOf(workers.receivers[channel]),
      }),
    memory: parts.target,
    clock: clocks.destination,
  });
  return {
    senders,
    receivers,
    stall: (channel, untilNs) => {
      stalledUntilNs[channel] = Math.max(stalledUntilNs[channel]!, untilNs);
    },
  };
}

const workerOf = (worker: VirtualWorker | undefined) => (worker ? { worker } : {});

/** Returns the CPUs of one side, if its channels have fewer than one each. */
function cpusOf({ shared: { costs }, rings }: ChannelsParts): { readonly cpus?: ChannelCpus } {
  const { channelCpus } = costs;
  return channelCpus < rings.length ? { cpus: new ChannelCpus(channelCpus) } : {};
}

/** A channel carries frames in one direction, so that one ring serves as both of its link's. */
function channelLink(parts: ChannelsParts, channel: number, clock: VirtualClock) {
  const ring = parts.rings[channel]!;
  const { latencyNs, pacing, doorbells } = parts;
  return ringLink({
    clock,
    outgoing: ring,
    incoming: ring,
    peerDoorbell: doorbells.destination,
    bytesPerSecond: Infinity,
    latencyNs,
    pacing,
  });
}
