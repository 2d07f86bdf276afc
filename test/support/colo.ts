import type { ColoConfig } from '../../src/replication/colo/config.ts';
import { deathsOfThePrimary, smallProtection } from './protection.ts';

const COLO: ColoConfig = { silenceNs: 5e6, divergence: 0, secondaryShare: 1, seed: 3 };

type Changes = NonNullable<Parameters<typeof smallProtection>[0]>;

interface ColoChanges extends Changes {
  readonly colo?: Partial<ColoConfig>;
}

/** Returns the changes that have COLO protect the small guest in place of Remus, with a checkpoint at least every 20 ms. */
export function byColo({ colo, replication, ...changes }: ColoChanges = {}): Changes {
  const own = { intervalNs: 20e6, colo: { ...COLO, ...colo } };
  return { ...changes, replication: { ...own, ...replication } };
}

export const smallColo = (changes?: ColoChanges) => smallProtection(byColo(changes));

/** Lets the primary die at each of so many times, within two periods; returns the reports. */
export const deathsUnderColo = (changes: ColoChanges, times: number) =>
  deathsOfThePrimary(byColo(changes), times);
