import type { Clock } from '../../clock/clock.ts';
import type { Link } from '../../link/link.ts';
import type { WaitRequest, Wake } from '../../migration/ports.ts';

/** What a waiting half may look at. */
export interface LookParts {
  readonly clock: Clock;
  readonly link: Link;
  readonly isGuestSettled: () => boolean;
  readonly isCancelled: () => boolean;
}

/** What has ended a wait, undefined while nothing has; and by when at the latest something may. */
export function look(
  request: WaitRequest,
  parts: LookParts,
): { readonly wake?: Wake; readonly nextNs: number; readonly nowNs: number } {
  const { clock, link } = parts;
  const nowNs = clock.now();
  // Asked in every wait: a guest's log may have vCPUs that wait for the engine (full rings).
  const isGuestSettled = parts.isGuestSettled();
  const arrivalNs = request.frame ? link.arrivalAtNs() : Infinity;
  const creditNs = request.credit ? link.creditAtNs(request.credit) : Infinity;
  const nextNs = Math.min(arrivalNs, creditNs, request.untilNs);
  if (request.cancel && parts.isCancelled()) return { wake: 'cancel', nextNs, nowNs };
  if (request.connection && link.canReconnect()) return { wake: 'connection', nextNs, nowNs };
  if (arrivalNs <= nowNs) return { wake: 'frame', nextNs, nowNs };
  if (request.guest && isGuestSettled) return { wake: 'guest', nextNs, nowNs };
  if (creditNs <= nowNs) return { wake: 'credit', nextNs, nowNs };
  if (request.untilNs <= nowNs) return { wake: 'time', nextNs, nowNs };
  return { nextNs, nowNs };
}
