import { z } from 'zod';

const count = z.number().int().min(0);

const column = z.strictObject({
  kind: z.enum(['live', 'stopped', 'postcopy']),
  firstRound: z.number().int().min(1).optional(),
  lastRound: z.number().int().min(1).optional(),
  startMs: z.number(),
  durationMs: z.number().min(0),
});

/**
 * The field `pages` of a result: which pages a migration has sent how often, and which ones were dirtied when
 * (docs/pages.md). `readPages` of page-map.ts reads it.
 */
export const pagesSchema = z.strictObject({
  /** The number of consecutive gfns in each bin, a power of two; the last bin may have fewer. */
  binPages: z.number().int().min(1),
  bins: z.number().int().min(1),
  columns: z.array(column),
  /** Tables of a count for each bin and column, as cells/cells.ts writes them. */
  cells: z.strictObject({
    sent: z.string(),
    zero: z.string(),
    dirtied: z.string(),
    requested: z.string().optional(),
  }),
  /** How many pages were sent n times, and found dirty by n harvests: entry n, from 0 on. */
  sentTimes: z.array(count),
  dirtiedTimes: z.array(count),
  /** What was sent again after the first time. */
  sentAgain: z.strictObject({
    times: count,
    pages: count,
    /** The fewest pages that make `hotShare` of `times`. */
    hotPages: count,
    hotShare: z.number(),
  }),
  /** The ranges in which pages were sent again more often than on average, at most eight, the most times first. */
  hottest: z.array(z.strictObject({ firstGfn: count, pages: count, sentAgainTimes: count })),
});

export type ResultPages = z.infer<typeof pagesSchema>;
export type PagesColumn = z.infer<typeof column>;
