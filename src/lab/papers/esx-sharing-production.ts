import { z } from 'zod';
import type { HostSample } from '../../fleet/host/report.ts';
import { mibOf } from './host-series.ts';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import { type Given, hostReportOf, type OnRun } from './result-of.ts';

const site = z.strictObject({
  name: z.string(),
  /** The memory of each guest in MiB, and the share of all of it that is zero. */
  guests: z.array(z.number()),
  zeroShare: z.number(),
  /** Stretches of memory that some guests have in common; guests count from 1 on. */
  common: z.array(
    z.strictObject({ guests: z.array(z.number()), startMiB: z.number(), sizeMiB: z.number() }),
  ),
  /** The paper's shares of memory in percent: shared, reclaimed, zero pages. */
  paper: z.tuple([z.number(), z.number(), z.number().nullable()]),
});

const input = z.strictObject({ goal: z.number().positive(), sites: z.array(site) });

type Site = z.output<typeof site>;

/**
 * Figure 5 of Waldspurger, OSDI 2002: what page sharing saves at three sites in production. What guests have in common is
 * put in; what the scan makes of it is measured.
 */
export async function esxSharingProduction(
  onRun: OnRun,
  { loadHost, data }: Given,
): Promise<Figures> {
  const { goal, sites } = input.parse(data);
  const seen: number[][] = [];
  for (const [index, one] of sites.entries()) {
    const guests = one.guests.map((_, guest) => guestOf(one, guest));
    const { samples } = await hostReportOf(loadHost([`guests=${JSON.stringify(guests)}`]));
    seen.push(sharesOf(samples.at(-1)!, one));
    onRun(index + 1, sites.length);
  }
  const names = ['shared', 'reclaimed', 'zero pages'];
  return {
    x: { label: 'site', log: false, names: sites.map(({ name }) => name) },
    y: { label: 'share of the guests’ memory', unit: '%', log: false },
    series: names.map((name, amount): OutcomeSeries => ({
      name,
      isUnverified: false,
      isMarksOnly: true,
      goal,
      points: sites.map(({ paper }, i) =>
        pointOf(i + 1, paper[amount]!, seen[i]![amount]!, { goal }),
      ),
    })),
  };
}

/** Returns a guest of a site: what it has in common with others, then pages of its own, then zero pages. */
function guestOf({ guests, zeroShare, common }: Site, index: number): object {
  const pages = Math.round(guests[index]! * 256);
  const ownPages = pages - Math.round(pages * zeroShare);
  const shared = common.flatMap(({ guests: sharers, startMiB, sizeMiB }, seed) => {
    if (!sharers.includes(index + 1)) return [];
    const stretch = region(Math.round(startMiB * 256), Math.round(sizeMiB * 256));
    return [{ kind: 'random', region: stretch, seed: seed + 1 }];
  });
  return {
    name: `guest-${index + 1}`,
    populate: 'all',
    guest: {
      memory: pages * 4096,
      vcpus: 1,
      contents: [{ kind: 'random', region: region(0, ownPages) }, ...shared],
      workloads: [
        { pattern: 'uniform', region: region(ownPages - 256, 256), rate: 10, writes: 0.5 },
      ],
    },
  };
}

/** Returns how much of a site's memory is shared, is reclaimed and is zero pages, in percent. */
function sharesOf(
  { guests, savedPages, zeroPages }: HostSample,
  { guests: sizes }: Site,
): number[] {
  const all = sizes.reduce((sum, mib) => sum + mib, 0);
  const shared = guests.reduce((sum, guest) => sum + guest!.shared, 0);
  return [shared, savedPages, zeroPages].map((pages) => (mibOf(pages) / all) * 100);
}

/** Returns a region of a scenario; its place and its size are pages. */
const region = (start: number, size: number): object => ({
  start: start * 4096,
  size: size * 4096,
});
