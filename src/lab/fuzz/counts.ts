import type { FuzzResult } from './fuzz.ts';

/** Counts what became of seeds. */
export class FuzzCounts {
  seeds = 0;
  failures = 0;
  readonly #outcomes = new Map<string, number>();
  #recoveredSeeds = 0;
  #recoveries = 0;
  /** How many streams of hostile sources have ended in which way. */
  readonly #ends = new Map<string, number>();

  add({ trouble, outcome, recoveries, wrongs, ends }: FuzzResult): void {
    for (const [end, count] of Object.entries(ends ?? {})) {
      this.#ends.set(end, (this.#ends.get(end) ?? 0) + count);
    }
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
      ...(this.#ends.size > 0 ? this.#endLines() : this.#outcomeLines()),
    ];
  }

  #endLines(): string[] {
    const all = [...this.#ends].toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
    const streams = all.reduce((sum, [, count]) => sum + count, 0);
    return [
      `${streams} streams ended in ${all.length} ways`,
      ...all.map(([end, count]) => `  ${count} ${end}`),
    ];
  }

  #outcomeLines(): string[] {
    return [
      `${this.#recoveredSeeds} seeds had ${this.#recoveries} recoveries of a paused post-copy`,
      ...[...this.#outcomes]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, count]) => `  ${key} ${count}`),
    ];
  }
}
