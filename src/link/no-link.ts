import type { Link } from './link.ts';

/** A link that takes no frame and delivers none, for an algorithm that runs without a peer. */
export const noLink: Link = {
  room: () => undefined,
  post: () => undefined,
  charge: () => undefined,
  creditAtNs: () => Infinity,
  rest: () => undefined,
  limit: () => undefined,
  lookahead: () => undefined,
  postedBytes: 0,
  drainedAtNs: 0,
  postedArrivalNs: 0,
  polledArrivalNs: 0,
  poll: () => undefined,
  release: () => undefined,
  arrivalAtNs: () => Infinity,
  canReconnect: () => false,
  reconnect: () => undefined,
};
