import type { EvacuationConfig } from '../../src/fleet/evacuation/config.ts';
import type { EvacuationReport } from '../../src/fleet/evacuation/report.ts';
import { sentTally } from '../../src/migration/source.ts';
import { pagesOf } from '../../src/wire/tally.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import { COST_PROFILES } from '../../src/runtime/costs.ts';
import { Generator } from '../../src/random/generator.ts';
import { evacuation, virtualRun } from './evacuation.ts';

const PAGE = 4096;
const ALGORITHMS = [
  'precopy',
  'precopy',
  'hybrid',
  'postcopy',
  'postcopy',
  'stop-and-copy',
] as const;

/** Draws an evacuation of small guests that have pages in common, and may send them as references. */
export function drawEvacuation(seed: number): EvacuationConfig {
  const random = new Generator(seed);
  const one = <Value>(values: readonly Value[]): Value => values[random.below(values.length)]!;
  const draws = { random, one };
  const guests = Array.from({ length: 2 + random.below(3) }, () => ({ config: drawGuest(draws) }));
  const most = 1 + random.below(guests.length);
  return evacuation(guests, {
    seed,
    core: { bytesPerSecond: one([8e6, 25e6, 100e6]), latencyNs: one([1e4, 5e4, 2e6]) },
    limits: { outgoing: most, incoming: Infinity, cluster: most, inBatches: false },
    hosts: (random.below(4) === 0 ? ['old', 'new-1', 'new-2'] : ['old', 'new-1']).map((name) => ({
      name,
      cpus: one([Infinity, 1]),
      nicBytesPerSecond: 100e6,
    })),
  });
}

interface Draws {
  readonly random: Generator;
  readonly one: <Value>(values: readonly Value[]) => Value;
}

function drawGuest({ random, one }: Draws): RunConfig {
  const pages = one([192, 256]);
  const algorithm = one(ALGORITHMS);
  const isPostcopy = algorithm === 'hybrid' || algorithm === 'postcopy';
  const isBroken = algorithm === 'postcopy' && random.below(2) === 0;
  const isHurried = algorithm === 'precopy' && random.below(4) === 0;
  const config = virtualRun({
    costs: { ...COST_PROFILES.kvm, setupNs: one([0, 500_000]) },
    guest: {
      memoryBytes: pages * PAGE,
      vcpus: 1,
      dirtyLog: one(['bitmap', 'bytemap', 'atomic', 'ring']),
      memslots: 1 + random.below(2),
      contents: Array.from({ length: 3 }, (_, i) => ({
        firstGfn: (i * pages) / 4,
        pages: pages / 4,
        kind: one(['random', 'duplicate', 'mixed'] as const),
        zeroShare: one([0, 0.2]),
        ...(random.below(4) > 0 ? { seed: random.below(2) } : {}),
      })),
      workloads: random.below(5) === 0 ? [] : [drawWorkload(pages, { random, one })],
    },
    link: {
      integrity: one(['full', 'header']),
      ...(isBroken ? { outages: [{ afterNs: 1 + random.below(30e6), forNs: 20e6 }] } : {}),
    },
    migration: {
      algorithm,
      ...(random.below(3) > 0
        ? { policy: 'rounds', rounds: 1 + random.below(3) }
        : { policy: 'qemu', downtimeLimitNs: one([1e6, 4e6]) }),
      startAfterNs: 5e6,
      runAfterNs: one([0, 20e6, 200e6]),
      encodings: random.below(4) === 0 ? ['reference'] : ['zero', 'reference'],
      ...(isHurried ? { timeoutNs: 15e6 } : {}),
      ...(isPostcopy ? { recoverWithinNs: 10e9 } : {}),
      ...(random.below(4) === 0 ? { maxBytesPerSecond: 5e6 } : {}),
    },
  });
  return { ...config, seed: random.below(1e6) };
}

function drawWorkload(
  pages: number,
  { random, one }: Draws,
): RunConfig['guest']['workloads'][number] {
  const part = one([16, 64, pages]);
  return {
    pattern: one([{ kind: 'uniform' }, { kind: 'sequential' }] as const),
    firstGfn: random.below(pages - part + 1),
    pages: part,
    rate: one([500, 2000, 10_000]),
    writes: one([1, 0.5]),
    wordsPerPage: 1,
    fromNs: 0,
    untilNs: Infinity,
  };
}

/** What an evacuation of which bytes are proved may have shown, by name. */
export const EVACUATION_FACTS = [
  'references',
  'references that did not hold',
  'references after the switch to post-copy',
  'guests at a time',
  'two rounds',
  'a last set',
  'a recovered connection',
  'a guest that stayed',
] as const;
export type EvacuationFact = (typeof EVACUATION_FACTS)[number];

/** Returns what is wrong with an evacuation that nothing disturbs but short timeouts and lost connections of post-copy. */
export function problemsIn({ guests }: EvacuationReport): string[] {
  return guests.flatMap(({ name, run }) => {
    if (!run) return [`${name} did not move`];
    const { outcome, error = '', unsentPages, guestLost } = run.source;
    const problems = run.proof?.problems ?? ['no proof'];
    const isWhole = outcome === 'completed' && unsentPages === 0;
    // A guest stays that is not through in time, or whose connection is lost before RUN arrives. When RUN itself is
    // lost on its way, the source hears of it from the destination, over the next connection.
    const isDead =
      outcome === 'failed' && /^(the destination failed: )?the link is dead/.test(error);
    const hasStayed = !guestLost && (outcome === 'diverged' || isDead);
    const isRight = run.proof?.ok === true && (isWhole || hasStayed);
    return isRight
      ? []
      : [`${name}: ${outcome} ${error} ${unsentPages} unsent ${problems.join(' ')}`];
  });
}

/** Returns what an evacuation has shown. */
export function factsOf({ guests }: EvacuationReport): Set<EvacuationFact> {
  const facts = new Set<EvacuationFact>();
  const isDuring = (atNs: number): boolean =>
    guests.some(({ startedNs = Infinity, endedNs = 0 }) => startedNs < atNs && atNs < endedNs);
  if (guests.some(({ endedNs = 0 }) => isDuring(endedNs))) facts.add('guests at a time');
  for (const { run } of guests) {
    if (!run) continue;
    const { source } = run;
    const { references, postcopy, rounds } = source;
    if (pagesOf(sentTally(source), 'reference') > 0) facts.add('references');
    if (references && references.missedPages > 0) facts.add('references that did not hold');
    if (postcopy && pagesOf(postcopy.tally, 'reference') > 0) {
      facts.add('references after the switch to post-copy');
    }
    if (rounds.filter(({ stopped }) => !stopped).length > 1) facts.add('two rounds');
    if (rounds.some(({ stopped, tally }) => stopped && pagesOf(tally) > 0)) facts.add('a last set');
    if (source.outcome !== 'completed') facts.add('a guest that stayed');
    if (postcopy?.pauses?.some(({ connectedNs }) => connectedNs !== undefined)) {
      facts.add('a recovered connection');
    }
  }
  return facts;
}
