import { z } from 'zod';
import { MEMORY_STATES } from '../../overcommit/memory-state.ts';
import { resultSchema } from '../../result/schema.ts';

/**
 * This module defines the shape of the result of an overcommitted host, `pageferry/host@1`. Milliseconds and bytes are
 * numbers; times are on the host's clock. An absent key means that the value is unknown.
 */

const ms = z.number().min(0);
const bytes = z.number().int().min(0);
const count = z.number().int().min(0);
const states = z.enum(MEMORY_STATES as [string, ...string[]]);

const guest = z.strictObject({
  name: z.string(),
  memoryBytes: bytes,
  minBytes: bytes,
  shares: z.number().min(0),
  startMs: ms,
  stopMs: ms.optional(),
  resetMs: ms.optional(),
  /** The accesses that it made, and those a second while it ran. */
  accesses: count,
  accessesPerSecond: z.number().min(0),
  /** Pages that the guest wrote to and read from its own disk, and those of them that the host had to swap in first. */
  pagedOut: count,
  pagedIn: count,
  doublePaged: count,
  /** Pages of its balloon that it touched after it had reset; absent when it never resets. */
  popped: count.optional(),
  verify: resultSchema.shape.verify,
});

const sharing = z.strictObject({
  scanned: count,
  shared: count,
  copied: count,
  takenOver: count,
  staleHints: count,
  falseMatches: count,
});

const paged = {
  swappedOut: count,
  swappedIn: count,
  sharedInstead: count,
  zeroed: count,
};

/** A further host, to which guests may have migrated. */
const other = z.strictObject({
  name: z.string(),
  memoryBytes: bytes,
  minFreeBytes: bytes,
  states: z.array(z.strictObject({ atMs: ms, state: states })),
  timeMs: z.record(z.string(), ms),
  sharing: sharing.optional(),
  paging: z.strictObject(paged),
});

/** A migration between the hosts; it has no `startMs` when it was refused. */
const migration = z.strictObject({
  guest: z.string(),
  from: z.string(),
  to: z.string(),
  askedMs: ms,
  startMs: ms.optional(),
  endMs: ms.optional(),
  refusal: z.string().optional(),
  balloonedBytes: bytes.optional(),
  /** Pages that the source's host brought in because they were to be sent, and those that stayed in the shared store. */
  fetchedPages: count.optional(),
  swappedPages: count.optional(),
  usedBytes: z.strictObject({ before: bytes, peak: bytes, after: bytes.optional() }).optional(),
  /** What a run of this guest alone would report. */
  run: resultSchema.optional(),
});

/** A series of each guest has a value for each time; null while the guest does not run. */
const values = z.array(bytes.nullable());

export const hostResultSchema = z.strictObject({
  schema: z.literal('pageferry/host@1'),
  version: z.string(),
  scenario: z.record(z.string(), z.unknown()),
  runtime: z.literal('virtual'),
  clock: z.string(),
  outcome: z.enum(['completed', 'cancelled', 'failed']),
  error: z.string().optional(),
  durationMs: ms,
  host: z.strictObject({
    memoryBytes: bytes,
    /** What of it the guests' memory comes to, as a share: 1.5 is overcommitted by half. */
    commitment: z.number().min(0),
    minFreeBytes: bytes,
    /** Each change of the state of its memory, and how long it was in each. */
    states: z.array(z.strictObject({ atMs: ms, state: states })),
    timeMs: z.record(z.string(), ms),
    sharing: sharing.extend({ tableBytesPerFrame: z.number().min(0) }).optional(),
    paging: z.strictObject({ ...paged, readBytes: bytes, writtenBytes: bytes }),
  }),
  /** Further hosts; absent when there are none. */
  others: z.array(other).optional(),
  guests: z.array(guest),
  /** In the order in which they were asked for; absent when there were none. */
  migrations: z.array(migration).optional(),
  series: z.strictObject({
    timesMs: z.array(ms),
    freeBytes: z.array(bytes),
    /** Bytes of machine memory that sharing saves. */
    reclaimedBytes: z.array(bytes),
    states: z.array(states),
    /** The same of further hosts; absent when there are none. */
    others: z
      .array(
        z.strictObject({
          name: z.string(),
          freeBytes: z.array(bytes),
          reclaimedBytes: z.array(bytes),
          states: z.array(states),
        }),
      )
      .optional(),
    guests: z.array(
      z.strictObject({
        name: z.string(),
        allocatedBytes: values,
        targetBytes: values,
        activeBytes: values,
        balloonedBytes: values,
        sharedBytes: values,
        swappedBytes: values,
      }),
    ),
  }),
  /** Sentences on what of the host's own records is wrong; none when all is as it must be. */
  problems: z.array(z.string()),
  /** Whether all guests were proved and the host's records hold; it is absent when nobody looked. */
  ok: z.boolean().optional(),
});

export type HostResult = z.infer<typeof hostResultSchema>;
