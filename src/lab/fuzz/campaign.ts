import type { FuzzResult } from './fuzz.ts';

/** Plays one seed, in this thread or in another. */
export type PlaySeed = (seed: number) => Promise<FuzzResult>;

/** The seeds of a campaign, and who is told of them. */
export interface Campaign {
  /** The first seed. */
  readonly from: number;
  /** How many seeds there are. */
  readonly seeds: number;
  /** How many seeds are played at a time. */
  readonly threads: number;
  readonly play: PlaySeed;
  /** Called with every result, in the order of the seeds, however long each of them took. */
  readonly onResult: (result: FuzzResult) => void;
  /** Returns whether no further seed is to be begun; those that have begun are played to their ends. */
  readonly isStopped?: () => boolean;
}

/**
 * Plays seeds, several at a time, and returns how many it has played. Those are always the first ones, whoever
 * stopped it and whenever. A seed whose play throws, as when its thread dies, counts as a failure.
 */
export async function playSeeds(campaign: Campaign): Promise<number> {
  const { from, seeds, threads, play, onResult, isStopped = () => false } = campaign;
  /** The results that wait until those of all smaller seeds are there. */
  const waiting = new Map<number, FuzzResult>();
  let begun = 0;
  let told = 0;
  const playOnes = async (): Promise<void> => {
    while (begun < seeds && !isStopped()) {
      const seed = from + begun++;
      waiting.set(seed, await play(seed).catch((error: unknown) => failureOf(seed, error)));
      for (let next = waiting.get(from + told); next; next = waiting.get(from + told)) {
        waiting.delete(next.seed);
        told++;
        onResult(next);
      }
    }
  };
  await Promise.all(Array.from({ length: threads }, playOnes));
  return told;
}

function failureOf(seed: number, error: unknown): FuzzResult {
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { seed, outcome: 'threw', trouble: 'none', wrongs: [message], recoveries: 0 };
}
