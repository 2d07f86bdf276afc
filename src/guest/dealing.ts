import type { StreamPlan } from './stream-plan.ts';

/** The streams that share one pace: those of one workload on one vCPU, a stream in each memslot that it reaches. */
export interface StreamGroup {
  /** The indices of the streams, in the order of their slots; the first one is the group's leader. */
  readonly streams: readonly number[];
  readonly deal: Deal;
}

/**
 * Says which stream makes the next accesses, by its place in the group, and at most how many in a row. `made` returns
 * how many accesses the stream in a place has made.
 */
export type Deal = (made: (place: number) => number) => { place: number; most: number };

/** Returns the groups of a vCPU's streams, in the order of their leaders. */
export function groupsOf(streams: readonly StreamPlan[], vcpu: number): StreamGroup[] {
  const leaders = streams.flatMap((stream, index) =>
    stream.vcpu === vcpu && stream.leader === index ? [index] : [],
  );
  return leaders.map((leader) => {
    const members = streams.flatMap((stream, index) => (stream.leader === leader ? [index] : []));
    const plans = members.map((index) => streams[index]!);
    return { streams: members, deal: dealOf(plans) };
  });
}

function dealOf(plans: readonly StreamPlan[]): Deal {
  if (plans.length === 1) return () => ({ place: 0, most: Infinity });
  const { pattern } = plans[0]!;
  if (pattern === 'sequential' || pattern === 'stride') return cursorDeal(plans);
  return (made) => shareDeal(plans, made);
}

/** Deals to the stream that is furthest behind its share of the accesses made so far. */
function shareDeal(
  plans: readonly StreamPlan[],
  made: (place: number) => number,
): { place: number; most: number } {
  let total = 1;
  for (let place = 0; place < plans.length; place++) total += made(place);
  let best = 0;
  let behind = -Infinity;
  for (let place = 0; place < plans.length; place++) {
    const deficit = plans[place]!.share * total - made(place);
    if (deficit <= behind) continue;
    best = place;
    behind = deficit;
  }
  return { place: best, most: Infinity };
}

/**
 * Deals as one cursor that walks through the parts of the region: each stream goes on until it wraps round, then the
 * next one follows. The walk begins in the part that holds the start. So it is the turn of the stream that has wrapped
 * least often, and of the first such in the order of the walk.
 */
function cursorDeal(plans: readonly StreamPlan[]): Deal {
  const first = plans.findIndex(({ isFirst }) => isFirst);
  // A stride that is a multiple of the part's size stays on one page, so that every access is a lap.
  const steps = plans.map(({ stridePages, pages }) => stridePages % pages || pages);
  const reached = (place: number, made: number): number =>
    plans[place]!.start + made * steps[place]!;
  return (made) => {
    let best = first;
    let least = Infinity;
    for (let turn = 0; turn < plans.length; turn++) {
      const place = (first + turn) % plans.length;
      const laps = Math.floor(reached(place, made(place)) / plans[place]!.pages);
      if (laps >= least) continue;
      best = place;
      least = laps;
    }
    const { pages } = plans[best]!;
    const at = reached(best, made(best)) % pages;
    return { place: best, most: Math.ceil((pages - at) / steps[best]!) };
  };
}
