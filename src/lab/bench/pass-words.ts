/**
 * Through which a bench drives its vCPUs, in shared memory: the number of the pass that is on, then
 * for each vCPU the last pass that it has finished (32-bit words), when that began and ended (doubles,
 * ns on the bench's clock).
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

  /** The pass that is on; vCPUs begin it when they see it. */
  get pass(): number {
    return Atomics.load(this.#words, 0);
  }

  begin(): void {
    Atomics.add(this.#words, 0, 1);
  }

  /** A vCPU's word that it has finished a pass. */
  finish(vcpu: number, pass: number, startNs: number, endNs: number): void {
    this.#times[2 * vcpu] = startNs;
    this.#times[2 * vcpu + 1] = endNs;
    Atomics.store(this.#words, 1 + vcpu, pass);
  }

  haveAllFinished(): boolean {
    const { pass } = this;
    for (let vcpu = 0; vcpu < this.#vcpus; vcpu++) {
      if (Atomics.load(this.#words, 1 + vcpu) !== pass) return false;
    }
    return true;
  }

  /** From the first vCPU's first access of the finished pass to the last one's last. */
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
