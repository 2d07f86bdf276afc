import type { GuestPages } from './guest-pages.ts';
import type { MachineMemory } from './machine-memory.ts';
import type { PageSharing } from './page-sharing.ts';

/** What a host has recorded of its memory. */
export interface HostRecords {
  readonly machine: MachineMemory;
  readonly residents: readonly {
    readonly pages: GuestPages;
    readonly overhead: readonly number[];
    readonly balloon?: { readonly isInDoubt: boolean };
  }[];
  readonly sharing: PageSharing | undefined;
}

/**
 * Checks the records of a host's memory against one another and against the guests' memory: every machine page is free,
 * on its way to the store, or belongs to one guest page, to an overhead, or to as many sharers as the sharing table has
 * counted; and every sharer has the bytes of its machine page. Returns a sentence for each violation.
 */
export function recordProblems({ machine, residents, sharing }: HostRecords): string[] {
  const problems: string[] = [];
  const owners = new Map<number, { guest: number; gfn: number; sharers: number }>();
  let overhead = 0;
  for (const { pages, overhead: own, balloon } of residents) {
    overhead += own.length;
    for (let gfn = 0; gfn < pages.memory.pages; gfn++) {
      if (pages.isBallooned(gfn) && !pages.isKnownInGuest(gfn) && !balloon?.isInDoubt) {
        problems.push(
          `page ${gfn} of guest ${pages.guest} is in its balloon, but the guest knows nothing of that`,
        );
      }
      if (!pages.isResident(gfn)) continue;
      const machinePage = pages.machinePages[gfn]!;
      const isShared = pages.isShared(gfn);
      const before = owners.get(machinePage);
      if (before && !(isShared && before.sharers > 0)) {
        problems.push(
          `machine page ${machinePage} belongs to page ${gfn} of guest ${pages.guest} and to page ${before.gfn} of guest ${before.guest}`,
        );
      }
      if (before) before.sharers++;
      else owners.set(machinePage, { guest: pages.guest, gfn, sharers: isShared ? 1 : 0 });
    }
  }
  const used = machine.freePages + machine.pendingPages + owners.size + overhead;
  if (used !== machine.pages) {
    problems.push(
      `${machine.freePages} machine pages are free, ${machine.pendingPages} are written to the store, ${owners.size} belong to guests and ${overhead} are overhead, but the host has ${machine.pages}`,
    );
  }
  const shared = new Map([...owners].filter(([, { sharers }]) => sharers > 0));
  sharing?.table.eachShared((machinePage, sharers) => {
    const found = shared.get(machinePage)?.sharers ?? 0;
    shared.delete(machinePage);
    if (found !== sharers) {
      problems.push(
        `${found} pages share machine page ${machinePage}, but the sharing table has counted ${sharers}`,
      );
    }
  });
  for (const machinePage of shared.keys()) {
    problems.push(`the sharing table does not have machine page ${machinePage}, which is shared`);
  }
  const wrong = sharing?.firstWrongSharer();
  if (wrong) {
    problems.push(
      `page ${wrong.gfn} of guest ${wrong.guest} has other bytes than the machine page that it shares`,
    );
  }
  return problems;
}
