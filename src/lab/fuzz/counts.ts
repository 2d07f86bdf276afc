import type { FuzzResult } from './fuzz.ts';

/** Counts what became of seeds. */
export class FuzzCounts {
  seeds = 0;
  failures = 0;
  readonly #outcomes = new Map<string, number>();
  #recoveredSeeds = 0;
  #recoveries = 0;

  add({ trouble, outcome, recoveries, wrongs }: FuzzResult): void {
    const key = `${trouble}: ${outcome}`;
    this.seeds++;
    this.#outcomes.set(key, (this.#outcomes.get(key) ?? 0) + 1);
    this.#recoveries += recoveries;
    if (recoveries > 0) this.#recoveredSeeds++;
    if (wrongs.length > 0) this.failures++;
  }

  /** Returns the lines of the summary, which say nothing of this machine. */
  lines(): string[] {
    return [
      `${this.seeds} seeds, ${this.failures} failures`,
      `${this.#recoveredSeeds} seeds had ${this.#recoveries} recoveries of a paused post-copy`,
      ...[...this.#outcomes]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, count]) => `  ${key} ${count}`),
    ];
  }
}
