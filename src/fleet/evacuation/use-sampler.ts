import type { World } from '../../runtime/world/world.ts';
import type { UseSample } from './report.ts';

/** Samples how many bytes went over each link, and how many CPUs were in use, since the sample before. */
export class UseSampler {
  readonly samples: UseSample[] = [];
  readonly #world: World;
  #lastNs = 0;
  #bytes: readonly number[];
  #cpuNs: readonly number[] = [];

  constructor(world: World) {
    this.#world = world;
    this.#bytes = world.links.map(() => 0);
  }

  /** Sets the time from which the first sample counts. */
  begin(nowNs: number): void {
    this.#lastNs = nowNs;
    this.#cpuNs = this.#world.hostCpuNs() ?? [];
  }

  sample(nowNs: number): void {
    const seconds = (nowNs - this.#lastNs) / 1e9;
    if (seconds <= 0) return;
    const { migrations } = this.#world;
    const bytes = this.#bytes.map(() => 0);
    for (const { path, sentBytes } of migrations)
      for (const link of path) bytes[link]! += sentBytes;
    const cpuNs = this.#world.hostCpuNs() ?? [];
    this.samples.push({
      ns: nowNs,
      migrations: migrations.filter(({ endNs }) => endNs === undefined).length,
      linkBytesPerSecond: bytes.map((now, link) => (now - this.#bytes[link]!) / seconds),
      hostCpus: cpuNs.map((now, host) => (now - this.#cpuNs[host]!) / 1e9 / seconds),
    });
    this.#bytes = bytes;
    this.#cpuNs = cpuNs;
    this.#lastNs = nowNs;
  }
}
