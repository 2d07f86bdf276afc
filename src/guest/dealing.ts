import type { StreamPlan } from './stream-plan.ts';

/** The streams that share one pace: a vCPU's workload, a stream in each memslot it reaches. */
export interface StreamGroup {
  /** Indices of the streams, in the order of their slots; the first one leads. */
  readonly streams: readonly number[];
  readonly deal: Deal;
}

/** Who is dealt the next accesses: its place in the group, and at most how many in a row. */
export type Deal = (made: (place: number) => number) => { place: number; most: number };

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

/** The stream that is furthest behind its share of the accesses made so far. */
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
 * One cursor walks the parts: each goes on until its stream wraps round, then the next. The walk
 * begins in the part that holds the start; who has wrapped least often is on.
 */
function cursorDeal(plans: readonly StreamPlan[]): Deal {
  const first = plans.findIndex(({ isFirst }) => isFirst);
  // A stride of whole parts stays on one page: then every access is a lap.
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
