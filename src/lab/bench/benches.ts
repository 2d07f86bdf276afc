import { demandPagingBench } from './demand-paging.ts';
import { dirtyLogBench } from './dirty-log.ts';
import { encodeBench } from './encode.ts';
import { linkBench } from './link.ts';
import { migrateBench } from './migrate.ts';
import type { Bench } from './outcome.ts';
import { placementBench } from './placement.ts';

/** All benches of `pageferry bench`, in the order in which the help lists them. */
export const BENCHES: readonly Bench[] = [
  dirtyLogBench,
  demandPagingBench,
  linkBench,
  encodeBench,
  migrateBench,
  placementBench,
];
