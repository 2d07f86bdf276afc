/** The CPUs of a host that its channels work on; when all are busy, a channel waits for the one that is free first. */
export class ChannelCpus {
  readonly #freeAtNs: number[];

  constructor(cpus: number) {
    this.#freeAtNs = Array.from({ length: cpus }, () => 0);
  }

  /** Does work that takes `ns`, from `fromNs` on; returns when it is done. */
  work(fromNs: number, ns: number): number {
    let first = 0;
    for (let cpu = 1; cpu < this.#freeAtNs.length; cpu++) {
      if (this.#freeAtNs[cpu]! < this.#freeAtNs[first]!) first = cpu;
    }
    const doneNs = Math.max(fromNs, this.#freeAtNs[first]!) + ns;
    this.#freeAtNs[first] = doneNs;
    return doneNs;
  }
}
