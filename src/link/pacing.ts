import { HORIZON_NS } from './link.ts';
import type { Flow } from './network.ts';
import { flowBucket, type RateLimiter, tokenBucket } from './rate-limiter.ts';

/**
 * What paces the frames of one direction of a connection: the capacity of its link, and the migration's own limit.
 * Channels that share a link share its pacing, so that both hold for the sum of them.
 */
export interface Pacing {
  readonly link: RateLimiter;
  readonly migration: RateLimiter;
  /** The link's share of links that others use too. */
  readonly flow?: Flow | undefined;
}

/** What a pacing consists of; the fields are those of a ring link. */
export interface PacingParts {
  readonly bytesPerSecond: number;
  readonly madeUpLagNs?: number | undefined;
  readonly flow?: Flow | undefined;
}

/** Opens the pacing of a link that is used in this thread alone. */
export function openPacing({ bytesPerSecond, madeUpLagNs, flow }: PacingParts): Pacing {
  return {
    link: flow
      ? flowBucket(flow, HORIZON_NS, madeUpLagNs)
      : tokenBucket(bytesPerSecond, HORIZON_NS, madeUpLagNs),
    migration: tokenBucket(Infinity, HORIZON_NS, madeUpLagNs),
    flow,
  };
}
