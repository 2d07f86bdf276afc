import { PAGE_SHARED, PAGE_SWAPPED } from '../memory/kernels/abi.ts';
import { NO_SLOT, type PageStore } from '../memory/page-store.ts';
import type { GuestPages } from './guest-pages.ts';
import type { MachineMemory } from './machine-memory.ts';
import type { PageSharing } from './page-sharing.ts';

/** What a host has recorded of its memory. */
export interface HostRecords {
  readonly machine: MachineMemory;
  readonly residents: readonly {
    readonly pages: GuestPages;
    readonly overhead: readonly number[];
    readonly balloon?: { readonly isInDoubt?: boolean };
  }[];
  readonly sharing: PageSharing | undefined;
  /** The swap store, if nobody but these guests has pages in it. */
  readonly store: PageStore | undefined;
}

/** So many sentences are enough to find a mistake; a host of many pages may break a rule for each of them. */
const MOST_PROBLEMS = 40;

/** What a machine page is found to be; a number above 0 counts the pages that share it. */
const NOBODYS = 0;
const FREE = -1;
const PENDING = -2;
const OVERHEAD = -3;
const OWNED = -4;

const USES = ['', 'free', 'being written to the store', 'an overhead', 'the only page of another'];

/**
 * Checks the records of a host's memory against one another and against the guests' memory, and returns a sentence for
 * each violation. Every machine page is one thing: free, on its way to the store, an overhead, one guest page's, or shared by as
 * many as the sharing table has counted. Each slot of the swap store that is in use holds one page. The gate of a page lets
 * a guest through just when it has a machine page, and stops a write just when that is shared. A guest's counts are
 * those of its pages; and every sharer has the contents of its machine page.
 */
export function recordProblems(records: HostRecords): string[] {
  const { machine, residents, sharing, store } = records;
  const problems: string[] = [];
  let more = 0;
  const report = (sentence: string): void => {
    if (problems.length < MOST_PROBLEMS) problems.push(sentence);
    else more++;
  };
  const uses = usesOf(records, report);
  const slots = new SlotCheck(store, report);
  for (const { pages, balloon } of residents) {
    checkGuest(pages, { machine, uses, slots, report });
    if (!balloon?.isInDoubt) checkBalloon(pages, report);
  }
  for (let machinePage = 0; machinePage < machine.pages; machinePage++) {
    if (uses[machinePage] === NOBODYS) report(`machine page ${machinePage} belongs to nobody`);
  }
  slots.close();
  if (sharing) checkSharing(sharing, uses, report);
  if (more > 0) problems.push(`${more} more of the host's records are wrong`);
  return problems;
}

type Report = (sentence: string) => void;

/** Returns what the machine pages are that no guest has. */
function usesOf({ machine, residents }: HostRecords, report: Report): Int32Array {
  const uses = new Int32Array(machine.pages);
  const claim = (machinePage: number, use: number): void => {
    const before = uses[machinePage]!;
    if (before !== NOBODYS)
      report(`machine page ${machinePage} is ${USES[-use]} and ${USES[-before]}`);
    uses[machinePage] = use;
  };
  machine.eachFree((machinePage) => claim(machinePage, FREE));
  machine.eachPending((machinePage) => claim(machinePage, PENDING));
  for (const { overhead } of residents) {
    for (const machinePage of overhead) claim(machinePage, OVERHEAD);
  }
  return uses;
}

interface GuestCheck {
  readonly machine: MachineMemory;
  readonly uses: Int32Array;
  readonly slots: SlotCheck;
  readonly report: Report;
}

function checkGuest(pages: GuestPages, check: GuestCheck): void {
  const counts = { allocated: 0, shared: 0, swapped: 0 };
  for (let gfn = 0; gfn < pages.memory.pages; gfn++) {
    const isResident = pages.isResident(gfn);
    const isShared = pages.isShared(gfn);
    if (isResident) {
      counts.allocated++;
      checkMachinePage(pages, gfn, check);
    }
    if (isShared) counts.shared++;
    const slot = pages.swapSlots[gfn]!;
    if (slot !== NO_SLOT) {
      counts.swapped++;
      check.slots.claim(slot, pages, gfn);
    }
    checkGate(pages, gfn, check.report);
  }
  for (const key of ['allocated', 'shared', 'swapped'] as const) {
    if (counts[key] === pages[key]) continue;
    check.report(
      `guest ${pages.guest} has ${counts[key]} ${key} pages, but its record counts ${pages[key]}`,
    );
  }
}

function checkBalloon(pages: GuestPages, report: Report): void {
  for (let gfn = 0; gfn < pages.memory.pages; gfn++) {
    if (!pages.isBallooned(gfn) || pages.isKnownInGuest(gfn)) continue;
    report(`${nameOf(pages, gfn)} is in its balloon, but the guest knows nothing of that`);
  }
}

function checkMachinePage(pages: GuestPages, gfn: number, { uses, machine, report }: GuestCheck) {
  const machinePage = pages.machinePages[gfn]!;
  const name = nameOf(pages, gfn);
  if (machinePage >= machine.pages) {
    report(`${name} has machine page ${machinePage} of only ${machine.pages}`);
    return;
  }
  const isShared = pages.isShared(gfn);
  const before = uses[machinePage]!;
  const isFitting = before === NOBODYS || (isShared && before > 0);
  if (!isFitting) {
    const use = before > 0 ? `shared by ${before} others` : USES[-before];
    report(`${name} has machine page ${machinePage}, which is ${use}`);
  }
  uses[machinePage] = isShared ? Math.max(0, before) + 1 : OWNED;
}

function checkGate(pages: GuestPages, gfn: number, report: Report): void {
  const gate = pages.gateOf(gfn);
  const isResident = pages.isResident(gfn);
  const isStopped = (gate & PAGE_SWAPPED) !== 0;
  // A page of a guest whose vCPUs run meanwhile is stopped as well while it is on its way in.
  const mayBeOnItsWay = pages.isConcurrent && isResident;
  if (isResident === isStopped && !mayBeOnItsWay) {
    const has = isResident
      ? 'has a machine page, but its gate stops'
      : 'has none, but its gate lets';
    report(`${nameOf(pages, gfn)} ${has} the guest`);
  }
  if (!isResident && (gate & PAGE_SHARED) !== 0) {
    report(`${nameOf(pages, gfn)} is shared, but has no machine page`);
  }
  if (isResident && pages.swapSlots[gfn] !== NO_SLOT) {
    report(`${nameOf(pages, gfn)} has a machine page and a slot of the swap store`);
  }
}

/** Returns a sentence for each violation of a store that several hosts use, whose guests have these pages. */
export function storeProblems(store: PageStore, guests: readonly GuestPages[]): string[] {
  const problems: string[] = [];
  const slots = new SlotCheck(store, (sentence) => void problems.push(sentence));
  for (const pages of guests) {
    for (let gfn = 0; gfn < pages.memory.pages; gfn++) {
      const slot = pages.swapSlots[gfn]!;
      if (slot !== NO_SLOT) slots.claim(slot, pages, gfn);
    }
  }
  slots.close();
  return problems.slice(0, MOST_PROBLEMS);
}

/** Checks that the slots in use of a swap store are just those that pages have, each one of one page. */
class SlotCheck {
  readonly #store: PageStore | undefined;
  readonly #report: Report;
  /** 1 for a slot that is free, 2 for one that a page has. */
  readonly #uses: Uint8Array;

  constructor(store: PageStore | undefined, report: Report) {
    this.#store = store;
    this.#report = report;
    this.#uses = new Uint8Array(1 + (store?.slots ?? 0));
    // There is no slot 0.
    this.#uses[NO_SLOT] = 1;
    store?.eachFree((slot) => (this.#uses[slot] = 1));
  }

  claim(slot: number, pages: GuestPages, gfn: number): void {
    if (!this.#store) return;
    const use = this.#uses[slot];
    const name = nameOf(pages, gfn);
    if (use === undefined) this.#report(`${name} has slot ${slot}, which the store does not have`);
    else if (use === 1) this.#report(`${name} has slot ${slot} of the store, which is free`);
    else if (use === 2) this.#report(`${name} has slot ${slot} of the store, as another page has`);
    this.#uses[slot] = 2;
  }

  close(): void {
    const lost = this.#uses.reduce((sum, use) => sum + +(use === 0), 0);
    if (lost > 0) this.#report(`${lost} slots of the swap store are in use, but no page has them`);
  }
}

function checkSharing(sharing: PageSharing, uses: Int32Array, report: Report): void {
  sharing.table.eachShared((machinePage, sharers) => {
    const found = Math.max(0, uses[machinePage]!);
    uses[machinePage] = OWNED;
    if (found === sharers) return;
    report(
      `${found} pages share machine page ${machinePage}, but the sharing table has counted ${sharers}`,
    );
  });
  for (let machinePage = 0; machinePage < uses.length; machinePage++) {
    if (uses[machinePage]! <= 0) continue;
    report(`the sharing table does not have machine page ${machinePage}, which is shared`);
  }
  const wrong = sharing.firstWrongSharer();
  if (!wrong) return;
  report(
    `page ${wrong.gfn} of guest ${wrong.guest} has other contents than the machine page that it shares`,
  );
}

const nameOf = ({ guest }: GuestPages, gfn: number): string => `page ${gfn} of guest ${guest}`;
