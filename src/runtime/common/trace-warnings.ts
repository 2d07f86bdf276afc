import type { GuestPlan } from '../../guest/stream-plan.ts';
import { readAccesses, slotOfStream } from '../../guest/stream-record.ts';
import type { Workload } from '../../guest/workload.ts';
import { formatDuration } from '../../units/duration.ts';
import type { RunConfig } from '../config.ts';
import type { GuestSide } from './guest-side.ts';

/** A workload that plays a trace, and for how long its trace goes on, in guest time. */
interface Played {
  readonly index: number;
  readonly workload: Workload;
  readonly lengthNs: number;
  readonly end: 'loop' | 'hold';
}

/**
 * Returns a sentence for each trace of a guest that was over before its migration was: `endNs` is the end of the
 * migration, counted from the guest's start. From then on the guest's working set is not that of the recorded guest.
 */
export function endedTraces(
  config: Pick<RunConfig, 'guest'>,
  plan: GuestPlan,
  sides: { readonly source: GuestSide; readonly destination: GuestSide },
  endNs: number,
): string[] {
  return tracesOf(config).flatMap(({ index, workload, lengthNs, end }) => {
    const { fromNs, untilNs } = workload;
    if (Math.min(endNs, untilNs) - fromNs <= lengthNs || !hasEnded(plan, index, sides)) return [];
    return [sentence(index, lengthNs, end, `the migration ended ${formatDuration(endNs)}`)];
  });
}

/**
 * Returns such a sentence for each trace that is sure to be over before the migration is, which shows already before a
 * run: the migration can't end before every page that is not zero has crossed the link once.
 */
export function tracesTooShort(config: Pick<RunConfig, 'guest' | 'link' | 'migration'>): string[] {
  const { startAfterNs, timeoutNs } = config.migration;
  const passNs = (leastBytes(config.guest) / config.link.bytesPerSecond) * 1e9;
  const leastNs = startAfterNs + Math.min(passNs, timeoutNs);
  return tracesOf(config).flatMap(({ index, workload, lengthNs, end }) => {
    const { fromNs, untilNs } = workload;
    if (Math.min(leastNs, untilNs) - fromNs <= lengthNs) return [];
    const when = `the migration will end no earlier than ${formatDuration(leastNs)}`;
    return [sentence(index, lengthNs, end, when)];
  });
}

function tracesOf({ guest }: Pick<RunConfig, 'guest'>): Played[] {
  return guest.workloads.flatMap((workload, index) => {
    const { pattern } = workload;
    if (pattern.kind !== 'trace') return [];
    const { intervals, intervalNs } = pattern.intervals;
    const lengthNs = (intervals.length * intervalNs) / pattern.speed;
    return [{ index, workload, lengthNs, end: pattern.end }];
  });
}

/** Returns whether a stream of the workload has made all accesses of its trace; one that was held up may be late. */
function hasEnded(
  plan: GuestPlan,
  workload: number,
  { source, destination }: { readonly source: GuestSide; readonly destination: GuestSide },
): boolean {
  return plan.streams.some(({ workload: own, pace: { pace } }, stream) => {
    if (own !== workload || pace.kind !== 'trace') return false;
    const made = [source, destination].map(({ memory }) =>
      readAccesses(slotOfStream(memory, plan, stream), stream),
    );
    const all = pace.starts.at(-1)!;
    return all > 0 && Math.max(...made) >= all;
  });
}

function sentence(index: number, lengthNs: number, end: 'loop' | 'hold', when: string): string {
  const key = `guest.workloads[${index}].trace`;
  const length = formatDuration(lengthNs);
  const what =
    end === 'loop'
      ? 'it is played again, so that the guest dirties only pages that it has dirtied before and its working set is too small'
      : 'the guest makes none of its accesses any more, so that its working set is too small';
  const remedy = end === 'loop' ? '' : `, or set ${key}.end: loop`;
  return `${key}: the trace lasts ${length}, and ${when} after the guest's start. When the trace is over, ${what}: record a trace that lasts longer than the migration${remedy}`;
}

/** The zero pages of contents are drawn, so there may be a few more of them than their share says. */
const SURE_SHARE = 0.95;

/**
 * Returns at least how many bytes of a guest have to be sent: those that are not zero at its start. It is 0 where
 * entries of contents overlap, and for a guest that gives pages back.
 */
function leastBytes({ contents, pageSize, memoryManager }: RunConfig['guest']): number {
  const areApart = contents
    .toSorted((a, b) => a.firstGfn - b.firstGfn)
    .every((one, i, all) => i === 0 || all[i - 1]!.firstGfn + all[i - 1]!.pages <= one.firstGfn);
  if (!areApart || memoryManager) return 0;
  return contents.reduce((sum, { kind, pages, zeroShare }) => {
    if (kind === 'zero' || kind === 'file') return sum;
    return sum + pages * pageSize * (1 - zeroShare) * SURE_SHARE;
  }, 0);
}
