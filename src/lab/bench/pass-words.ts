/**
 * Shared memory through which a bench drives its vCPUs. It holds the number of the current pass, then
 * for each vCPU the number of the last pass that it has finished (32-bit words), then for each vCPU
 * when that pass began and ended (doubles, ns on the bench's clock).
 */
export class PassWords {
  readonly buffer: SharedArrayBuffer;
  readonly #vcpus: number;
  readonly #words: Int32Array;
  readonly #times: Float64Array;

  constructor(vcpus: number, buffer?: SharedArrayBuffer) {
    this.#vcpus = vcpus;
    const head = Math.ceil((1 + vcpus) / 2) * 8;
    this.buffer = buffer ?? new SharedArrayBuffer(head + vcpus * 16);
    this.#words = new Int32Array(this.buffer, 0, 1 + vcpus);
    this.#times = new Float64Array(this.buffer, head, 2 * vcpus);
  }

  /** The number of the current pass; a vCPU begins the pass when it sees a new number. */
  get pass(): number {
    return Atomics.load(this.#words, 0);
  }

  /** Begins the next pass. */
  begin(): void {
    Atomics.add(this.#words, 0, 1);
  }

  /** Says, for a vCPU, that it has finished a pass, and when it began and ended it. */
  finish(vcpu: number, pass: number, startNs: number, endNs: number): void {
    this.#times[2 * vcpu] = startNs;
    this.#times[2 * vcpu + 1] = endNs;
    Atomics.store(this.#words, 1 + vcpu, pass);
  }

  /** True when every vCPU has finished the current pass. */
  haveAllFinished(): boolean {
    const { pass } = this;
    for (let vcpu = 0; vcpu < this.#vcpus; vcpu++) {
      if (Atomics.load(this.#words, 1 + vcpu) !== pass) return false;
    }
    return true;
  }

  /** Returns the ns from the first access of the finished pass, by any vCPU, to its last. */
  durationNs(): number {
    let startNs = Infinity;
    let endNs = 0;
    for (let vcpu = 0; vcpu < this.#vcpus; vcpu++) {
      startNs = Math.min(startNs, this.#times[2 * vcpu]!);
      endNs = Math.max(endNs, this.#times[2 * vcpu + 1]!);
    }
    return endNs - startNs;
  }
}
