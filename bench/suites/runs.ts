import { scratchAreas } from '../../dist/memory/layout.js';
import { hold, type SuiteContext } from '../contest.ts';
import { randomBitmap, randomNumbers } from '../random.ts';
import { isToy } from '../report.ts';
import type { Row } from '../rows.ts';
import { drain } from './harvests.ts';
import { makeSlot } from './slots.ts';

/** This suite takes all pages out of a page set as runs of gfns, a run list at a time. */

const PAGES = isToy ? 64 * 1024 : 1024 * 1024;
const DENSITIES = [0, 0.001, 0.01, 0.1, 0.5, 1];

export function runs({ reference, command }: SuiteContext): Row[] {
  const { slot, memory } = makeSlot({ pages: PAGES, backing: 'versions' });
  const { pageSet, maxRuns } = slot.layout;
  const { runList } = scratchAreas(slot.layout);
  const random = randomNumbers(11);
  return DENSITIES.flatMap((density) => {
    const image = new Uint8Array(randomBitmap(PAGES, density, random).buffer);
    const setup = (): void => memory.set(image, pageSet);
    const c = reference.kernels;
    const contest = {
      what: `page set of ${PAGES / 1024} Ki pages to runs, ${100 * density} % in it`,
      unit: 'us',
      amount: 1,
      ours: { run: () => void drain(slot, pageSet, PAGES, runList), setup, calls: 1 },
      c: c && {
        run: () => void c.drainRuns(memory, pageSet, PAGES, maxRuns, runList),
        setup,
        calls: 1,
      },
      cycles: isToy ? 3 : 51,
    } as const;
    return hold(contest, command);
  });
}
