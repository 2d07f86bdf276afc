import { describe, expect, it } from 'vitest';
import { PageClients, type PageClientsParts } from '../../../src/lab/clients/page-clients.ts';

const MS = 1e6;

const PARTS: PageClientsParts = {
  seed: 7,
  sessions: 20,
  thinkNs: 1000 * MS,
  requests: 4,
  accesses: 10,
  workers: 100,
  delayNs: 0,
  fromNs: 0,
  countedNs: 0,
  untilNs: 5000 * MS,
};

interface Served {
  readonly times: number[];
  readonly asks: number;
  /** The most requests that were on their way at the same time. */
  readonly most: number;
}

/** Plays clients of a guest that answers each request, in order, `serviceNs` after it was asked; up to `endNs`. */
function serve(
  changes: Partial<PageClientsParts>,
  { serviceNs = 5 * MS, isHeld = false, endNs = Infinity } = {},
): Served {
  const clients = new PageClients({ ...PARTS, ...changes });
  const due: number[] = [];
  let asks = 0;
  let most = 0;
  clients.begin({
    ask: (accesses, nowNs) => {
      expect(accesses).toBe(PARTS.accesses);
      asks++;
      due.push(nowNs + serviceNs);
      most = Math.max(most, due.length);
    },
    live: () => undefined,
  });
  let sent = 0;
  for (let nowNs = 0; nowNs < endNs;) {
    const nextNs = clients.nextNs(nowNs);
    if (due[0] !== undefined && due[0] <= nextNs) {
      nowNs = due.shift()!;
      const run = {
        stream: 0,
        from: ++sent,
        to: sent,
        bytesEach: 1,
        firstNs: nowNs,
        lastNs: nowNs,
      };
      // A packet that is held leaves later than it was sent.
      clients.hear(run, isHeld ? nowNs + 50 * MS : nowNs);
    } else if (nextNs === Infinity) break;
    else {
      nowNs = nextNs;
      clients.step(nowNs);
    }
  }
  return { times: clients.pageTimes(), asks, most };
}

describe('the clients of a web server', () => {
  it('ask for one thing of a page after another, each when the answer to the last has arrived', () => {
    const { times, asks } = serve({});
    // 20 sessions open a page each second, for 5 s.
    expect(times.length).toBeGreaterThan(70);
    expect(times.length).toBeLessThan(130);
    expect(asks).toBe(4 * times.length);
    for (const ns of times) expect(ns).toBeCloseTo(20 * MS, -3);
  });

  it('wait for the delay of every answer, and for packets that are held', () => {
    for (const ns of serve({ delayNs: 30 * MS }).times) expect(ns).toBeCloseTo(140 * MS, -3);
    for (const ns of serve({}, { isHeld: true }).times) expect(ns).toBeCloseTo(220 * MS, -3);
  });

  it('wait for a worker, of which there are so many', () => {
    const { times, most } = serve({ workers: 2, sessions: 90 });
    expect(most).toBe(2);
    expect(Math.max(...times)).toBeGreaterThan(40 * MS);
    expect(serve({ sessions: 90 }).most).toBeGreaterThan(2);
  });

  it('count pages that are still open as never finished, and none that were opened too early', () => {
    const { times } = serve({ workers: 1 }, { serviceNs: 200 * MS, endNs: 4000 * MS });
    expect(times.filter((ns) => ns === Infinity).length).toBeGreaterThan(30);
    const early = serve({}).times.length;
    const late = serve({ countedNs: 2500 * MS }).times.length;
    expect(late).toBeGreaterThan(0.3 * early);
    expect(late).toBeLessThan(0.7 * early);
  });
});
