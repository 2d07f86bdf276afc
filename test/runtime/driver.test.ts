import { describe, expect, it } from 'vitest';
import { noLink } from '../../src/link/no-link.ts';
import type { Link } from '../../src/link/link.ts';
import type { Algorithm, WaitRequest, Wake } from '../../src/migration/ports.ts';
import { GeneratorDriver } from '../../src/runtime/common/driver.ts';

const NOW = 100;
/** Times before now, now, after now and never. */
const TIMES = [50, NOW, 150, Infinity];
const BOTH = [false, true];

interface Case {
  readonly request: WaitRequest;
  readonly arrivalNs: number;
  readonly creditNs: number;
  readonly isGuestSettled: boolean;
  readonly isCancelled: boolean;
  readonly canReconnect: boolean;
}

/** Every request together with every state of what it may wait for. */
function* cases(): Generator<Case> {
  for (const credit of [undefined, 'pages' as const])
    for (const [frame, guest, connection, cancel] of combinations(BOTH, 4))
      for (const [untilNs, arrivalNs, creditNs] of combinations(TIMES, 3))
        for (const [isGuestSettled, isCancelled, canReconnect] of combinations(BOTH, 3)) {
          const flags = { frame: frame!, guest: guest!, connection: connection!, cancel: cancel! };
          yield {
            request: { credit, ...flags, untilNs: untilNs! },
            arrivalNs: arrivalNs!,
            creditNs: creditNs!,
            isGuestSettled: isGuestSettled!,
            isCancelled: isCancelled!,
            canReconnect: canReconnect!,
          };
        }
}

function combinations<Value>(values: readonly Value[], places: number): Value[][] {
  if (places === 0) return [[]];
  return combinations(values, places - 1).flatMap((some) => values.map((one) => [...some, one]));
}

/** Returns a driver whose algorithm has made the request, and what ended its wait. */
function driverOf(world: Case) {
  const wakes: Wake[] = [];
  const algorithm = function* (): Algorithm<void> {
    wakes.push(yield world.request);
  };
  const link: Link = {
    ...noLink,
    arrivalAtNs: () => world.arrivalNs,
    creditAtNs: () => world.creditNs,
    canReconnect: () => world.canReconnect,
  };
  const driver = new GeneratorDriver(algorithm(), {
    clock: { now: () => NOW },
    link,
    isGuestSettled: () => world.isGuestSettled,
    isCancelled: () => world.isCancelled,
  });
  driver.begin();
  return { driver, wakes };
}

/** What a wait is for has come, said once more in other words than the driver's. */
function reasons(world: Case): Wake[] {
  const { request } = world;
  return [
    ...(request.cancel && world.isCancelled ? ['cancel' as const] : []),
    ...(request.connection && world.canReconnect ? ['connection' as const] : []),
    ...(request.frame && world.arrivalNs <= NOW ? ['frame' as const] : []),
    ...(request.guest && world.isGuestSettled ? ['guest' as const] : []),
    ...(request.credit && world.creditNs <= NOW ? ['credit' as const] : []),
    ...(request.untilNs <= NOW ? ['time' as const] : []),
  ];
}

describe('a driver, for every request and every state of what it waits for', () => {
  it('resumes the algorithm with what has come, and never sleeps through it', () => {
    let count = 0;
    const wrong: unknown[] = [];
    for (const world of cases()) {
      count++;
      const due = reasons(world);
      const { driver, wakes } = driverOf(world);
      const { request } = world;
      const laterNs = Math.min(
        request.frame ? world.arrivalNs : Infinity,
        request.credit ? world.creditNs : Infinity,
        request.untilNs,
      );
      const isDue = due.length > 0;
      // The virtual runtime steps a half at this time: it must come neither after the news nor before them.
      const isRight =
        driver.nextNs(NOW) === (isDue ? NOW : laterNs) &&
        driver.hasNews(NOW) === isDue &&
        driver.step(NOW) === isDue &&
        wakes[0] === due[0] &&
        // A thread sleeps until then at most.
        (isDue || driver.untilNs === laterNs);
      if (!isRight) wrong.push(world);
    }
    expect(wrong).toEqual([]);
    expect(count).toBe(2 * 2 ** 4 * 4 ** 3 * 2 ** 3);
  });
});
