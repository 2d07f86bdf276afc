import { describe, expect, it } from 'vitest';
import type { ProtectReport } from '../../src/runtime/virtual/replication/report.ts';
import { isHeavy } from '../support/heavy.ts';
import { drawKill, liveThrough } from '../support/threaded-protection.ts';

const KILLS = 100;
const FIRST_SEED = 1;
/** On a very busy machine a host may be taken for dead while it lives; such a life is proved, but counts as no kill. */
const MOST_TRIES = 2 * KILLS;

/** What a kill may find, printed so that a reader can tell whether the kills have tried anything. */
const FACTS: Readonly<Record<string, (report: ProtectReport) => boolean>> = {
  'packets lost with their host': ({ packets }) => packets.lost > 0,
  'pages saved before their first write': ({ pairs }) =>
    pairs.some(({ epochs }) => epochs.some(({ savedPages }) => savedPages > 0)),
  'disk written': ({ writtenBlocks }) => writtenBlocks > 0,
  'several deaths': ({ takeovers }) => takeovers.length > 1,
};

describe.runIf(isHeavy)('a protected guest in threads', () => {
  it(`survives ${KILLS} hosts whose threads are terminated`, async () => {
    let kills = 0;
    let tries = 0;
    const seen = new Map(Object.keys(FACTS).map((fact) => [fact, 0]));
    for (let seed = FIRST_SEED; kills < KILLS && tries < MOST_TRIES; seed++) {
      tries++;
      const { config, fates } = drawKill(seed);
      const report = await liveThrough(config, fates);
      const { outcome, pairs, takeovers, problems, proofs } = report;
      const ends = pairs.map(({ end, reason }) => reason ?? end).join(', ');
      const at = `seed ${seed}, which ended with ${outcome} (${report.error ?? ends})`;
      expect(problems, at).toEqual([]);
      for (const { proof, differingBlocks } of proofs ?? []) {
        expect([proof.ok, differingBlocks], at).toEqual([true, 0]);
      }
      if (pairs.some(({ end }) => end === 'dropped') || outcome === 'split') continue;
      expect(outcome, at).toBe('completed');
      expect(takeovers.length, at).toBe(fates.length);
      expect(proofs?.length, at).toBe(takeovers.length + 1);
      kills += takeovers.length;
      for (const [fact, isTrue] of Object.entries(FACTS)) {
        if (isTrue(report)) seen.set(fact, seen.get(fact)! + 1);
      }
    }
    const listed = [...seen].map(([fact, count]) => `${fact} ${count}`).join(', ');
    console.log(`${kills} kills in ${tries} lives from seed ${FIRST_SEED} on: ${listed}`);
    expect(kills).toBeGreaterThanOrEqual(KILLS);
    for (const [fact, count] of seen) expect(count, fact).toBeGreaterThan(0);
  });
});
