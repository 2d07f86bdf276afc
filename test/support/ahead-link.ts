import type { Link } from '../../src/link/link.ts';

/** Returns a link's end for a user whose clock is ahead of the link's clock by `aheadNs`. */
export function aheadLink(inner: Link, aheadNs: number): Link {
  return {
    room: (maxBytes, kind) => inner.room(maxBytes, kind),
    post: (bytes, storedBytes, chargedBytes) => inner.post(bytes, storedBytes, chargedBytes),
    charge: (bytes) => inner.charge(bytes),
    creditAtNs: (kind) => inner.creditAtNs(kind) + aheadNs,
    rest: () => inner.rest(),
    limit: (bytesPerSecond) => inner.limit(bytesPerSecond),
    lookahead: (most) => inner.lookahead(most),
    poll: () => inner.poll(),
    release: () => inner.release(),
    arrivalAtNs: () => inner.arrivalAtNs() + aheadNs,
    canReconnect: () => inner.canReconnect(),
    reconnect: () => inner.reconnect(),
    get postedBytes() {
      return inner.postedBytes;
    },
    get drainedAtNs() {
      return inner.drainedAtNs + aheadNs;
    },
    get postedArrivalNs() {
      return inner.postedArrivalNs + aheadNs;
    },
    get polledArrivalNs() {
      return inner.polledArrivalNs + aheadNs;
    },
  };
}
