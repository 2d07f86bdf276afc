import type { Workload } from '../../guest/workload.ts';
import type { Costs } from '../../runtime/costs.ts';
import type { RunConfig } from '../../runtime/config.ts';

/**
 * A guest of 512 GiB has 134 million pages, which take half a minute to send even on a virtual clock. So a page of a run
 * stands for `scale` pages of the VM: memory, working sets, rates of writes and bandwidths are divided by it, and what a
 * page costs is multiplied by it. All times stay what they are, since each is a quotient of two of these. What changes
 * is chance, as the same share of fewer pages varies more, and what QEMU does every so many pages.
 */

/** QEMU looks at its clock every 64 pages, and a chunk lasts 50 ms; so many pages a second leave that as it is. */
const LEAST_PAGES_PER_SECOND = { answer: 2000, search: 1000 } as const;
/** Where no downtime limit decides, fewer pages are enough, and demand faults take more work. */
const LEAST_WITHOUT_LIMIT = 500;
/** The pages that fit into the downtime limit decide on convergence, so they have to be so many at least. */
const LEAST_PAGES_IN_LIMIT = { answer: 256, search: 64 } as const;
/** A run of so many pages takes some tenths of a second. */
const WANTED_PAGES = { answer: 200_000, search: 50_000 } as const;
const PAGE = 4096;

/** What a run is for: an answer, or a search that is content with some ten percent. */
export type Purpose = keyof typeof WANTED_PAGES;

/** Returns the scale, a power of two, for runs that may send for `horizonMs`, of which a limit decides on the end. */
export function scaleFor(
  bytesPerSecond: number,
  {
    limitMs,
    horizonMs,
    purpose = 'answer',
  }: {
    readonly limitMs: number | undefined;
    readonly horizonMs: number;
    readonly purpose?: Purpose;
  },
): number {
  const perSecond = bytesPerSecond / PAGE;
  const wanted = (perSecond * horizonMs) / 1000 / WANTED_PAGES[purpose];
  const most =
    limitMs === undefined
      ? perSecond / LEAST_WITHOUT_LIMIT
      : Math.min(
          perSecond / LEAST_PAGES_PER_SECOND[purpose],
          (perSecond * limitMs) / 1000 / LEAST_PAGES_IN_LIMIT[purpose],
        );
  const least = Math.min(wanted, most);
  return least > 1 ? 2 ** Math.floor(Math.log2(least)) : 1;
}

/** Returns a configuration in which a page stands for `scale` pages. */
export function scaled(config: RunConfig, scale: number): RunConfig {
  if (scale === 1) return config;
  const { guest, link } = config;
  const pages = Math.max(1, Math.floor(guest.memoryBytes / guest.pageSize / scale));
  return {
    ...config,
    costs: scaledCosts(config.costs, scale, link.latencyNs),
    guest: {
      ...guest,
      memoryBytes: pages * guest.pageSize,
      dirtyRingSize: Math.max(LEAST_RING, guest.dirtyRingSize / scale),
      contents: guest.contents.map((one) => ({ ...one, ...regionOf(one, scale, pages) })),
      workloads: guest.workloads.map((one) => scaledWorkload(one, scale, pages)),
      ...(guest.devices
        ? {
            devices: guest.devices.map((one) => ({
              ...one,
              stateBytes: Math.round(one.stateBytes / scale),
              initialBytes: Math.round(one.initialBytes / scale),
              precopyBytes: Math.round(one.precopyBytes / scale),
              dirtyBytesPerSecond: one.dirtyBytesPerSecond / scale,
              bytesPerSecond: one.bytesPerSecond / scale,
            })),
          }
        : {}),
    },
    link: {
      ...link,
      bytesPerSecond: link.bytesPerSecond / scale,
      ...(link.sendBufferBytes === undefined
        ? {}
        : { sendBufferBytes: link.sendBufferBytes / scale }),
    },
    migration: scaledMigration(config, scale, pages),
  };
}

/** The ring of a run has entries for at least so many pages. */
const LEAST_RING = 64;

/** Returns how many GiB nova counts (_live_migration_data_gb). */
const novaGib = (bytes: number): number => Math.max(2, bytes / 2 ** 30);

function scaledMigration(
  { guest, migration }: RunConfig,
  scale: number,
  pages: number,
): RunConfig['migration'] {
  const { nova, kubevirt, dirtyLimit, availSwitchoverBytesPerSecond: assumed } = migration;
  const own = pages * guest.pageSize;
  // Their times for each GiB are those of the VM, as they count its GiB.
  const novaScale = novaGib(guest.memoryBytes) / novaGib(own);
  const kubevirtScale = Math.ceil(guest.memoryBytes / 1e9) / Math.ceil(own / 1e9);
  return {
    ...migration,
    maxBytesPerSecond: migration.maxBytesPerSecond / scale,
    postcopyBytesPerSecond: migration.postcopyBytesPerSecond / scale,
    ...(assumed === undefined ? {} : { availSwitchoverBytesPerSecond: assumed / scale }),
    ...(dirtyLimit
      ? {
          dirtyLimit: {
            ...dirtyLimit,
            ringEntries: dirtyLimit.ringEntries / scale,
            pagesPerMiB: 2 ** 20 / PAGE / scale,
          },
        }
      : {}),
    ...(nova
      ? {
          nova: {
            ...nova,
            delayPerGiBMs: nova.delayPerGiBMs * novaScale,
            completionTimeoutPerGiBMs: nova.completionTimeoutPerGiBMs * novaScale,
          },
        }
      : {}),
    ...(kubevirt
      ? {
          kubevirt: {
            ...kubevirt,
            completionTimeoutPerGiBMs: kubevirt.completionTimeoutPerGiBMs * kubevirtScale,
          },
        }
      : {}),
  };
}

function regionOf(
  { firstGfn, pages }: { readonly firstGfn: number; readonly pages: number },
  scale: number,
  memoryPages: number,
): { firstGfn: number; pages: number } {
  const first = Math.min(memoryPages - 1, Math.floor(firstGfn / scale));
  return {
    firstGfn: first,
    pages: Math.max(1, Math.min(memoryPages - first, Math.round(pages / scale))),
  };
}

function scaledWorkload(workload: Workload, scale: number, memoryPages: number): Workload {
  const { pattern } = workload;
  const region = regionOf(workload, scale, memoryPages);
  const plain = { ...workload, ...region, rate: workload.rate / scale };
  if (pattern.kind === 'hotspot') {
    const hotPages = Math.max(1, Math.round(pattern.hotPages / scale));
    return { ...plain, pattern: { ...pattern, hotPages } };
  }
  if (pattern.kind !== 'dirty-vector') return plain;
  // A group keeps its time constant, whatever its pages are rounded to.
  const groups = pattern.groups.map(({ pages, rate }) => {
    const own = Math.max(1, Math.floor(pages / scale));
    return { pages: own, rate: (rate / pages) * own };
  });
  const rate = groups.reduce((sum, group) => sum + group.rate, 0);
  return { ...plain, rate, pattern: { ...pattern, groups } };
}

function scaledCosts(costs: Costs, scale: number, latencyNs: number): Costs {
  return {
    ...costs,
    accessNs: costs.accessNs * scale,
    firstWriteNs: costs.firstWriteNs * scale,
    harvestNsPerGiB: costs.harvestNsPerGiB * scale,
    encodeNs: costs.encodeNs * scale,
    zeroPageNs: costs.zeroPageNs * scale,
    installNs: costs.installNs * scale,
    rawSendBytesPerSecond: costs.rawSendBytesPerSecond / scale,
    firstSendBytesPerSecond: costs.firstSendBytesPerSecond / scale,
    senderCpuNsPerByte: costs.senderCpuNsPerByte * scale,
    stateBytes: Math.round(costs.stateBytes / scale),
    // There are as many times fewer demand faults, each of which stands for so many on the way to and fro.
    wakeNs: costs.wakeNs * scale + 2 * latencyNs * (scale - 1),
    faultHandlerNs: costs.faultHandlerNs * scale,
    minorFaultNs: costs.minorFaultNs * scale,
    windowLagNsPerByte: costs.windowLagNsPerByte * scale,
  };
}
