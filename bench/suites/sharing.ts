import { createHandshake } from '../../dist/memory/handshake/words.js';
import { memoryOf } from '../../dist/memory/guest-memory.js';
import { FILLED_VERSION } from '../../dist/memory/contents/contents.js';
import { GuestPages } from '../../dist/overcommit/guest-pages.js';
import { MachineMemory } from '../../dist/overcommit/machine-memory.js';
import { CONTENTS_BYTES } from '../../dist/overcommit/page-contents.js';
import { PageSharing } from '../../dist/overcommit/page-sharing.js';
import { hold, type SuiteContext } from '../contest.ts';
import { randomNumbers } from '../random.ts';
import { isToy } from '../report.ts';
import type { Row } from '../rows.ts';
import { type BenchSlot, makeSlot, MIB, PAGE } from './slots.ts';

/**
 * This suite measures the scan for equal pages, of a guest all of whose pages differ and have been met before: each is
 * hashed, looked up, and found to be alone. The reference is what no scan can do without, the page sum, in C.
 */

const SET = isToy ? 4 * MIB : 192 * MIB;
const PAGES = SET / PAGE;

export function sharing(context: SuiteContext): Row[] {
  return [...scanOfBytes(context), ...scanOfVersions(context)];
}

function scanOfBytes({ reference, command }: SuiteContext): Row[] {
  const place = makeSlot({ pages: PAGES + MIB / PAGE });
  const { ramOffset } = place.slot.layout;
  const words = new Uint32Array(place.slot.buffer, ramOffset, SET / 4);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i, 0x9e3779b1);
  const c = reference.kernels;
  const contest = {
    what: `scan for equal pages, ${SET / MIB} MiB`,
    unit: 'ns/page',
    amount: PAGES,
    ours: { run: scanOf(place, PAGE) },
    c: c && { run: () => c.pageSums(place.memory, ramOffset, PAGE, PAGES, ramOffset + SET) },
    cName: 'the page sum alone',
  } as const;
  return hold(contest, command);
}

function scanOfVersions({ command }: SuiteContext): Row[] {
  const place = makeSlot({ pages: PAGES, backing: 'versions' });
  const { buffer, layout } = place.slot;
  new Uint32Array(buffer, layout.ramOffset, PAGES).fill(FILLED_VERSION);
  const what = `scan for equal pages, versions of ${SET / MIB} MiB`;
  const ours = { run: scanOf(place, CONTENTS_BYTES) };
  return hold({ what, unit: 'ns/page', amount: PAGES, ours }, command);
}

/** Returns what scans the pages of a slot once, in a random order. */
function scanOf({ slot }: BenchSlot, contentsBytes: number): () => void {
  const memory = memoryOf([slot]);
  const contents = [{ firstGfn: 0, pages: memory.pages, kind: 'random', zeroShare: 0 } as const];
  const words = new Int32Array(createHandshake(2));
  const pages = new GuestPages(0, memory, words, { contents, seed: 1 });
  const machine = new MachineMemory(memory.pages);
  for (let gfn = 0; gfn < memory.pages; gfn++) pages.map(gfn, machine.take());
  const scanner = new PageSharing(machine, [pages], contentsBytes);
  const random = randomNumbers(5);
  const keys = Array.from({ length: PAGES }, (_, gfn) => ({ gfn, key: random() }));
  const order = Uint32Array.from(keys.toSorted((a, b) => a.key - b.key).map(({ gfn }) => gfn));
  const run = (): void => {
    for (let i = 0; i < order.length; i++) scanner.scan(pages, order[i]!);
  };
  run();
  if (scanner.counts.shared > 0) throw new Error('pages that were to differ are shared');
  return run;
}
