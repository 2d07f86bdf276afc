/** A request at a VM. */
export interface Job {
  /** How much service the queue's jobs have had when this one is done, in nanoseconds of a job's CPU time. */
  finishNs: number;
  /** Called when it has had all of its CPU time. */
  readonly onDone: (nowNs: number) => void;
}

/**
 * The requests at a VM, which share its CPUs equally (processor sharing). All of them get the same CPU time in any
 * interval, so one number says how much each has had since the queue began, and a job is done when that number has
 * grown by what it needs.
 */
export class JobQueue {
  /** The CPU time that a job has had which has been there from the beginning. */
  #servedNs = 0;
  /** A binary heap by `finishNs`. */
  readonly #heap: Job[] = [];

  get length(): number {
    return this.#heap.length;
  }

  /** Adds a job that needs so much CPU time. */
  push(needNs: number, onDone: Job['onDone']): void {
    const heap = this.#heap;
    const job: Job = { finishNs: this.#servedNs + needNs, onDone };
    let place = heap.push(job) - 1;
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      if (heap[parent]!.finishNs <= job.finishNs) break;
      heap[place] = heap[parent]!;
      place = parent;
    }
    heap[place] = job;
  }

  /** Gives all jobs together so much CPU time. */
  serve(cpuNs: number): void {
    if (this.#heap.length > 0) this.#servedNs += cpuNs / this.#heap.length;
  }

  /** Returns when the next job is done if the queue has so many CPUs from now on; Infinity when none ever is. */
  nextNs(nowNs: number, cpus: number): number {
    const first = this.#heap[0];
    if (!first || !(cpus > 0)) return Infinity;
    return nowNs + (Math.max(0, first.finishNs - this.#servedNs) * this.#heap.length) / cpus;
  }

  /** Takes a job out that is done; undefined when there is none. */
  take(): Job | undefined {
    const heap = this.#heap;
    const first = heap[0];
    // Sums of doubles leave rests far below an instant, which would never be served.
    if (!first || first.finishNs - this.#servedNs > 1e-3) return undefined;
    const last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  #sink(job: Job): void {
    const heap = this.#heap;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.finishNs < heap[child]!.finishNs) child++;
      if (heap[child]!.finishNs >= job.finishNs) break;
      heap[place] = heap[child]!;
      place = child;
    }
    heap[place] = job;
  }
}
