import { z } from 'zod';
import type { ProtectReport } from '../../runtime/virtual/replication/report.ts';
import { PageClients } from '../clients/page-clients.ts';
import { type Given, protectReportOf } from './result-of.ts';

/** The clients of a benchmark of web servers, and what it asks of their server. */
export const webBenchmark = z.strictObject({
  /** Each session opens a page this often. */
  thinkS: z.number().positive(),
  /** A page takes so many requests, and each of them so many accesses of the guest. */
  requests: z.int().positive(),
  accesses: z.int().positive(),
  workers: z.int().positive(),
  /** So many pages must take no longer than that. */
  limits: z.array(z.strictObject({ share: z.number(), seconds: z.number() })),
  /** Pages are opened from `fromS` on, count from `countedS` on, and are opened until `untilS`; a run ends at `endS`. */
  fromS: z.number(),
  countedS: z.number(),
  untilS: z.number(),
  endS: z.number(),
  /** Numbers of sessions are multiples of this; the first search begins at `guess` sessions. */
  step: z.int().positive(),
  guess: z.int().positive(),
});
export type WebBenchmark = z.output<typeof webBenchmark>;

export interface WebScore {
  /** The largest number of sessions whose pages keep the limits; 0 if none does. */
  readonly sessions: number;
  /** The run with that number. */
  readonly report: ProtectReport | undefined;
}

/**
 * Finds the score of a web server; one that is good enough for some sessions is taken to be so for fewer. The search
 * begins at `guess` sessions, and is the shorter the better that is.
 */
export async function webScore(
  benchmark: WebBenchmark,
  loadProtection: Given['loadProtection'],
  run: {
    readonly sets: readonly string[];
    readonly guess: number;
    readonly delayMs?: number;
  },
): Promise<WebScore> {
  const { step, endS, accesses, limits } = benchmark;
  const { sets, guess, delayMs = 0 } = run;
  const loaded = loadProtection([...sets, `outputs[0].every=${accesses}`, `duration=${endS}s`]);
  let score: WebScore = { sessions: 0, report: undefined };
  let tooMany = Infinity;
  let stride = step;
  let sessions = guess;
  while (tooMany - score.sessions > step) {
    const clients = clientsOf(benchmark, sessions, delayMs);
    const report = await protectReportOf(loaded, { clients });
    const times = clients.pageTimes();
    const isGood = limits.every(({ share, seconds }) => {
      const inTime = times.filter((ns) => ns <= seconds * 1e9).length;
      return inTime >= share * times.length;
    });
    if (isGood) score = { sessions, report };
    else tooMany = sessions;
    const isBetween = score.report !== undefined && tooMany < Infinity;
    const next = isBetween
      ? (score.sessions + tooMany) / 2
      : isGood
        ? sessions + stride
        : sessions - stride;
    sessions = Math.max(step, Math.round(next / step) * step);
    stride *= 2;
  }
  return score;
}

function clientsOf(benchmark: WebBenchmark, sessions: number, delayMs: number): PageClients {
  const { thinkS, requests, accesses, workers, fromS, countedS, untilS } = benchmark;
  return new PageClients({
    seed: 1,
    sessions,
    thinkNs: thinkS * 1e9,
    requests,
    accesses,
    workers,
    delayNs: delayMs * 1e6,
    fromNs: fromS * 1e9,
    countedNs: countedS * 1e9,
    untilNs: untilS * 1e9,
  });
}
