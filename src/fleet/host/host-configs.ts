import { storedBytesOf } from '../../memory/layout.ts';
import type { OvercommitConfig } from '../../overcommit/config.ts';
import { hashWords } from '../../random/generator.ts';
import type { OvercommittedGuestSpec } from '../../runtime/virtual/overcommitted-guest.ts';
import { parseDuration } from '../../units/duration.ts';
import { parseRate } from '../../units/rate.ts';
import { parseSize } from '../../units/size.ts';
import type { HostConfig } from './config.ts';
import { SHARING_PRESETS } from './presets.ts';
import type { HostFile } from './schema.ts';

/** This number keeps the seeds of further hosts apart from all else that is drawn from the file's seed. */
const HOST_SEEDS = 0x4058;

type Sizes = readonly { readonly bytes: number; readonly minBytes: number }[];
type HostKeys = HostFile['host'];

/** Returns the first host and the others in numbers. */
export function hostConfigs(
  file: HostFile,
  guests: readonly OvercommittedGuestSpec[],
  sizes: Sizes,
): Pick<HostConfig, 'host' | 'others' | 'sharesSwap'> {
  const others = file.others.map((other, index) => {
    const seed = hashWords(file.seed, index, HOST_SEEDS);
    return [other.name, hostConfig(seed, keysOf(file.host, other), guests, sizes)] as const;
  });
  return {
    host: hostConfig(file.seed, file.host, guests, sizes),
    others: Object.fromEntries(others),
    sharesSwap: file.host.swap.isShared,
  };
}

/** Returns the keys of a further host: what it does not say is as the first one has it. */
export function keysOf(first: HostKeys, other: HostFile['others'][number]): HostKeys {
  const { memory, overhead, sharing, swap, idleTax } = other;
  return {
    ...first,
    memory,
    overhead: overhead ?? first.overhead,
    sharing: sharing ?? first.sharing,
    swap: {
      isShared: first.swap.isShared,
      bandwidth: swap?.bandwidth ?? first.swap.bandwidth,
      latency: swap?.latency ?? first.swap.latency,
      ...(swap?.size === undefined ? {} : { size: swap.size }),
    },
    idleTax: idleTax ?? first.idleTax,
  };
}

function hostConfig(
  seed: number,
  host: HostKeys,
  guests: readonly OvercommittedGuestSpec[],
  sizes: Sizes,
): OvercommitConfig {
  const { pageSize, backing } = guests[0]!.config.guest;
  const { sharing, swap, sampling } = host;
  const preset = SHARING_PRESETS[sharing.preset];
  const paged = sizes.reduce((sum, { bytes, minBytes }) => sum + bytes - minBytes, 0);
  const swapBytes = swap.size === undefined ? paged : parseSize(swap.size);
  return {
    seed,
    pageSize,
    storedBytes: storedBytesOf(backing, pageSize),
    machinePages: Math.floor(parseSize(host.memory) / pageSize),
    overheadPages: Math.ceil(parseSize(host.overhead) / pageSize),
    ...(sharing.isOn
      ? {
          sharing: {
            guestPagesPerSecond: sharing.guestRate ?? preset.guestPagesPerSecond,
            pagesPerSecond: sharing.rate ?? preset.pagesPerSecond,
          },
        }
      : {}),
    swap: {
      // It has room for what is not guaranteed to any guest, as if all of them lived at one time.
      pages: Math.ceil(swapBytes / pageSize),
      bytesPerSecond: parseRate(swap.bandwidth),
      latencyNs: parseDuration(swap.latency),
    },
    idleTax: host.idleTax,
    sampling: {
      pages: sampling.pages,
      periodNs: parseDuration(sampling.period),
      slowGain: sampling.slowGain,
      fastGain: sampling.fastGain,
    },
    balanceNs: parseDuration(host.balance),
    thresholds: host.thresholds,
    costs: DEFAULT_HOST_COSTS,
  };
}

/**
 * The time of a host's own work at an access. A minor fault of a guest costs about a microsecond on today's machines; a
 * copy of a page another half.
 */
const DEFAULT_HOST_COSTS = { zeroFaultNs: 1000, copyNs: 1500, sampleNs: 1000 };
