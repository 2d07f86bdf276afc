import type { Process } from '../../clock/process.ts';
import type { VirtualHost } from '../../runtime/virtual/host.ts';
import type { UseSample } from './report.ts';

/** How often the use of links and CPUs is noted. */
const SAMPLE_NS = 100e6;

export interface SampledVoyage {
  /** Indices of the links that its frames take. */
  readonly path: readonly number[];
  /** Bytes that it has sent so far. */
  readonly bytes: number;
  readonly isOver: boolean;
}

export interface SampledWorld {
  readonly links: number;
  readonly hosts: readonly VirtualHost[];
  readonly voyages: () => readonly SampledVoyage[];
}

/** Notes every 100 ms how many bytes went over each link since, and how many CPUs were in use. */
export class UseSampler implements Process {
  readonly isOver = false;
  readonly samples: UseSample[] = [];
  readonly #world: SampledWorld;
  #lastNs = 0;
  #bytes: number[];
  #cpuNs: number[];

  constructor(world: SampledWorld) {
    this.#world = world;
    this.#bytes = Array.from({ length: world.links }, () => 0);
    this.#cpuNs = world.hosts.map(() => 0);
  }

  begin(nowNs: number): void {
    this.#lastNs = nowNs;
    this.#cpuNs = this.#world.hosts.map(({ usedCpuNs }) => usedCpuNs);
  }

  nextNs(): number {
    return this.#lastNs + SAMPLE_NS;
  }

  step(atNs: number): void {
    const seconds = (atNs - this.#lastNs) / 1e9;
    if (seconds <= 0) return;
    const voyages = this.#world.voyages();
    const bytes = this.#bytes.map(() => 0);
    for (const voyage of voyages) for (const link of voyage.path) bytes[link]! += voyage.bytes;
    const cpuNs = this.#world.hosts.map(({ usedCpuNs }) => usedCpuNs);
    this.samples.push({
      ns: atNs,
      migrations: voyages.filter(({ isOver }) => !isOver).length,
      linkBytesPerSecond: bytes.map((now, link) => (now - this.#bytes[link]!) / seconds),
      hostCpus: cpuNs.map((now, host) => (now - this.#cpuNs[host]!) / 1e9 / seconds),
    });
    this.#bytes = bytes;
    this.#cpuNs = cpuNs;
    this.#lastNs = atNs;
  }
}
