import type { Clock } from '../../clock/clock.ts';
import { type FullPlan, type GuestPlan, lightPlan } from '../../guest/stream-plan.ts';
import { type StreamProgress, writePlan } from '../../guest/stream-record.ts';
import type { VcpuState } from '../../guest/vcpu-state.ts';
import { hintedZeroings } from '../../guest/hinted-zeroings.ts';
import { type ZeroLog, zeroingsOf, zeroPages } from '../../guest/zeroing.ts';
import { openMemory } from '../../memory/guest-memory.ts';
import type { RunConfig } from '../config.ts';
import type { Proof } from '../report.ts';
import type { Divergence } from '../../guest/stream-variants.ts';
import { fillGuest } from './fill.ts';
import type { SharedGuestSide } from './guest-side.ts';
import type { WorkRunner } from './work.ts';
import { type FinalGuest, finalGuest, progressOf } from './final-guest.ts';
import { runPieces } from './pieces.ts';
import { replayDivergences } from './replay-divergences.ts';
import { replayPieces } from './replay-pieces.ts';

/** What the proof of a run works on. */
export interface ProofParts {
  readonly config: RunConfig;
  readonly plan: FullPlan;
  readonly pool: WorkRunner;
  /** Once it is aborted, the proof is given up. */
  readonly signal?: AbortSignal | undefined;
  /** The clock that times the proof; without one, the proof has no duration. */
  readonly clock?: Clock;
  /** The side where the guest ran last, or what is known of it there; its vCPUs have stopped. */
  readonly final: SharedGuestSide | FinalGuest;
  /** The other side, whose memory the replay turns into what the guest must look like. */
  readonly canvas: SharedGuestSide;
  /** Whether the canvas is the source as it stood at the pause; otherwise it is filled anew. */
  readonly isFrozenSource: boolean;
  /** The vCPUs' state that the source saved at the pause. */
  readonly sentState?: readonly VcpuState[] | undefined;
  /** The vCPUs' state that the destination loaded. */
  readonly receivedState?: readonly VcpuState[] | undefined;
  /** The pages that the guest's memory manager zeroed on either side. */
  readonly zeroings?: { readonly source: ZeroLog; readonly destination: ZeroLog };
  /** Where the guest's streams have gone another way than planned, those of each stream in the order of accesses. */
  readonly divergences?: readonly Divergence[];
}

/** Beyond this many accesses the kernel replays in place of its slower twin, and the result says so. */
const TWIN_ACCESSES = 1e9;

/**
 * Proves that the guest's memory is what it must be. The streams are replayed on the canvas, from the pause or
 * from the initial contents, up to the counters that the guest reached. Then every byte of every page and every
 * read checksum must agree; what does not is in the returned proof. Throws GivenUpError.
 */
export async function prove(parts: ProofParts): Promise<Proof> {
  const { config, plan, clock, canvas } = parts;
  const final = 'slots' in parts.final ? finalGuest(parts.final, plan) : parts.final;
  const startNs = clock?.now() ?? 0;
  const problems: string[] = [];
  // They are read before the canvas is filled anew.
  const hinted = hintedZeroings(plan, openMemory(canvas.slots), parts.sentState);
  if (parts.isFrozenSource) problems.push(...stateProblems(parts.sentState, parts.receivedState));
  else await refill(parts);
  const before = progressOf(canvas, plan);
  const after = final.progress;
  if (parts.isFrozenSource) problems.push(...frozenProblems(plan, parts.sentState, before));
  const replayedBy = await replay(parts, hinted, before, after);
  progressOf(canvas, plan).forEach((expected, stream) => {
    if (!isSameProgress(expected, after[stream]!)) problems.push(streamProblem(plan, stream));
  });
  const { differingPages, firstDifference } = await final.compare(canvas, parts);
  const { pages, slots } = openMemory(canvas.slots);
  const { backing, storedBytes } = slots[0]!.layout;
  return {
    kind: parts.isFrozenSource ? 'replay' : 'full',
    replayedBy,
    pagesCompared: pages,
    bytesCompared: pages * storedBytes,
    differingPages,
    // A page's version is a count of writes, so a read has no word to fold into its checksum.
    readsChecked:
      backing === 'versions'
        ? 0
        : after.reduce((sum, p, i) => sum + reads(p) - reads(before[i]!), 0),
    ok: differingPages === 0 && problems.length === 0,
    ...(firstDifference ? { firstDifference } : {}),
    problems,
    ...(clock ? { durationNs: clock.now() - startNs } : {}),
  };

  function streamProblem(guest: GuestPlan, stream: number): string {
    const { vcpu, workload } = guest.streams[stream]!;
    return `the reads or counters of vCPU ${vcpu} in workload ${workload} differ from the replay (seed ${config.seed})`;
  }
}

function reads(progress: StreamProgress): number {
  return progress.n - progress.writes;
}

function isSameProgress(a: StreamProgress, b: StreamProgress): boolean {
  return (
    a.n === b.n &&
    a.writes === b.writes &&
    a.checksumLow === b.checksumLow &&
    a.checksumHigh === b.checksumHigh
  );
}

function stateProblems(
  sent: readonly VcpuState[] | undefined,
  received: readonly VcpuState[] | undefined,
): string[] {
  if (JSON.stringify(sent) === JSON.stringify(received) && sent) return [];
  return ["the vCPUs' state that the destination received is not the one that the source saved"];
}

/** Returns a problem for each stream of the source that went on after the state was saved at the pause. */
function frozenProblems(
  plan: GuestPlan,
  sent: readonly VcpuState[] | undefined,
  frozen: readonly StreamProgress[],
): string[] {
  const saved = new Map(sent?.flatMap(({ streams }) => streams.map((s) => [s.stream, s] as const)));
  return plan.streams.flatMap(({ vcpu, workload }, stream) => {
    const at = saved.get(stream);
    if (at && isSameProgress(at, frozen[stream]!)) return [];
    return [`vCPU ${vcpu} of workload ${workload} went on at the source after the pause`];
  });
}

/** Gives the canvas the guest's initial contents, and sets its streams back to n = 0. */
async function refill({ config, plan, pool, canvas, signal }: ProofParts): Promise<void> {
  const { contents } = config.guest;
  const options = { prefault: false, isUsed: true, signal };
  await fillGuest(pool, canvas, contents, config.seed, options);
  for (const slot of openMemory(canvas.slots).slots) writePlan(slot, plan);
}

async function replay(
  parts: ProofParts,
  hinted: ZeroLog,
  before: readonly StreamProgress[],
  after: readonly StreamProgress[],
): Promise<'twin' | 'kernel'> {
  const { plan, pool, canvas, zeroings, isFrozenSource } = parts;
  const { source, destination } = zeroings ?? { source: [], destination: [] };
  // The pages that the source zeroed are zero in its frozen memory already. Those that it held as hinted have the bytes
  // there that they had before; at the destination they read zero.
  const log = [...(isFrozenSource ? [] : source), ...hinted, ...destination];
  zeroUntouched(canvas, log);
  const work = plan.streams.map((_, stream) => ({
    stream,
    targetN: after[stream]!.n,
    zeroings: zeroingsOf(log, stream),
  }));
  const accesses = work.reduce((sum, w) => sum + w.targetN - before[w.stream]!.n, 0);
  const replayedBy = accesses > TWIN_ACCESSES ? 'kernel' : 'twin';
  const kernels = replayedBy === 'kernel' ? 'wasm' : 'twin';
  // There is one task for each access list of the slot, as only one replay may use a list at a time.
  const tasks = Math.min(canvas.writers, pool.threads);
  const task = { guestSide: canvas, plan: lightPlan(plan), kernels } as const;
  await replayDivergences(canvas, plan, parts.divergences ?? [], (stream, targetN) =>
    pool.run('replay', { ...task, streams: [{ stream, targetN, zeroings: [] }], list: 0 }),
  );
  const lists = Array.from({ length: tasks }, async (_, list) => {
    const own = work.filter(({ stream }) => stream % tasks === list);
    const pieces = replayPieces(plan, own, (stream) => before[stream]!.n);
    // The pieces of a stream follow one another, so a list's pieces are worked on one at a time.
    const { signal } = parts;
    await runPieces(1, pieces, (streams) => pool.run('replay', { ...task, streams, list }), {
      signal,
    });
  });
  const ends = await Promise.allSettled(lists);
  const failure = ends.find((end) => end.status === 'rejected');
  if (failure) throw failure.reason;
  return replayedBy;
}

/** Zeroes the pages that the memory manager zeroed and no stream touches; their order does not matter. */
function zeroUntouched(canvas: SharedGuestSide, log: ZeroLog): void {
  const { slots } = openMemory(canvas.slots);
  for (const [, slot, page, pages] of zeroingsOf(log, -1)) zeroPages(slots[slot!]!, page!, pages!);
}
