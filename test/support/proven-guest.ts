import { planMemory } from '../../src/guest/memory-plan.ts';
import { replayStream } from '../../src/guest/replay.ts';
import { slotOfStream } from '../../src/guest/stream-record.ts';
import type { FullPlan } from '../../src/guest/stream-plan.ts';
import { loadVcpus, saveVcpus, type VcpuState } from '../../src/guest/vcpu-state.ts';
import type { Workload } from '../../src/guest/workload.ts';
import { zeroingsOf, type ZeroLog, zeroPages } from '../../src/guest/zeroing.ts';
import { type GuestMemory, openMemory, slotOf } from '../../src/memory/guest-memory.ts';
import type { SourceReport } from '../../src/migration/source.ts';
import { fillGuest } from '../../src/runtime/common/fill.ts';
import { type ProvenRun, proveRun } from '../../src/runtime/common/prove-run.ts';
import { createPlace } from '../../src/runtime/common/stage.ts';
import { inlineRunner, type WorkRunner } from '../../src/runtime/common/work.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import type { Proof } from '../../src/runtime/report.ts';
import { smallRun } from './run-config.ts';

export interface ProvenGuestOptions {
  readonly pageSize?: number;
  readonly pages?: number;
  readonly memslots?: number;
  readonly backing?: 'bytes' | 'versions';
  readonly verify?: RunConfig['verify'];
  readonly outcome?: SourceReport['outcome'];
  readonly workloads?: readonly Partial<Workload>[];
  /** How many pieces of work the proof cuts its own into. */
  readonly threads?: number;
  /** What the memory manager zeroed at the source before the pause, and at the destination after it. */
  readonly zeroings?: (plan: FullPlan) => { source: number[]; destination: number[] };
}

/** How many accesses each stream has made at the pause, and at the end. */
export const PAUSED_N = 1300;
export const ENDED_N = 2500;

/** Cuts the work of a proof as a pool of threads does, and does it in this thread. */
export const piecewise = (threads: number): WorkRunner => ({ ...inlineRunner, threads });

/**
 * A guest that has run at its source, then at its destination (or, when it did not complete, at its source alone), made
 * without a migration, so that a test can change what it likes and prove it many times.
 */
export class ProvenGuest {
  readonly run: ProvenRun;
  readonly source: GuestMemory;
  readonly destination: GuestMemory;
  readonly threads: number;
  readonly #saved: readonly { readonly bytes: Uint8Array; readonly copy: Uint8Array }[];

  private constructor(run: ProvenRun, threads: number) {
    this.run = run;
    this.threads = threads;
    this.source = openMemory(run.sides.source.slots);
    this.destination = openMemory(run.sides.destination.slots);
    this.#saved = [...this.source.slots, ...this.destination.slots].map(({ buffer }) => {
      const bytes = new Uint8Array(buffer);
      return { bytes, copy: bytes.slice() };
    });
  }

  static async make(options: ProvenGuestOptions = {}): Promise<ProvenGuest> {
    const config = configOf(options);
    const { plan, geometries } = planMemory(config.guest, config.seed);
    const [source, destination] = [0, 1].map((skew) =>
      createPlace(config.guest, plan, geometries(skew)),
    ) as [ProvenRun['sides']['source'], ProvenRun['sides']['source']];
    const fresh = { prefault: true, isUsed: false };
    await fillGuest(inlineRunner, source, config.guest.contents, config.seed, fresh);
    const zeroings = options.zeroings?.(plan) ?? { source: [], destination: [] };
    const [near, far] = [openMemory(source.slots), openMemory(destination.slots)];
    advance(near, plan, PAUSED_N, zeroings.source);
    const area = new Float64Array(source.vcpuArea);
    // Every part of the state is there to be changed.
    for (let i = 0; i < area.length; i++) area[i] = i + 1;
    const sentState = saveVcpus(near, area, plan);
    const { outcome = 'completed' } = options;
    if (outcome === 'completed') {
      for (const [i, { ram }] of near.slots.entries()) far.slots[i]!.ram.set(ram);
      loadVcpus(far, new Float64Array(destination.vcpuArea), plan, sentState);
      advance(far, plan, ENDED_N, zeroings.destination);
    } else {
      advance(near, plan, ENDED_N, zeroings.destination);
    }
    const run: ProvenRun = {
      config,
      plan,
      sides: { source, destination },
      report: { outcome, guestLost: false } as SourceReport,
      sentState,
      receivedState: structuredClone(sentState),
      zeroings:
        outcome === 'completed'
          ? zeroings
          : { source: [...zeroings.source, ...zeroings.destination], destination: [] },
    };
    return new ProvenGuest(run, options.threads ?? 1);
  }

  /** The memory on the side where the guest ended, which is proved. */
  get final(): GuestMemory {
    return this.run.report.outcome === 'completed' ? this.destination : this.source;
  }

  /** Proves the run after `plant` has changed memory, or with the changes to the run that it returns. */
  async prove(plant: () => Partial<ProvenRun> | void = () => undefined): Promise<Proof> {
    const proof = await this.attempt(plant);
    if (!proof) throw new Error('the run was not proved');
    return proof;
  }

  async attempt(
    plant: () => Partial<ProvenRun> | void,
    runner: WorkRunner = piecewise(this.threads),
  ): Promise<Proof | undefined> {
    for (const { bytes, copy } of this.#saved) bytes.set(copy);
    return proveRun({ ...this.run, ...plant() }, runner);
  }
}

/** A byte of a guest's memory, as it is stored. */
export interface Place {
  readonly gfn: number;
  readonly offset: number;
}

/** Changes a byte; returns its value before and after. */
export function plantByte(
  memory: GuestMemory,
  { gfn, offset }: Place,
  mask: number,
): { expected: number; found: number } {
  const { ram, layout } = slotOf(memory, gfn);
  const at = (gfn - layout.firstGfn) * layout.storedBytes + offset;
  const expected = ram[at]!;
  ram[at] = expected ^ mask;
  return { expected, found: ram[at] };
}

/** Has every stream make accesses until it has made `n`, and zeroes pages in between as the log says. */
function advance(memory: GuestMemory, plan: FullPlan, n: number, log: ZeroLog): void {
  plan.streams.forEach((_, stream) => {
    const slot = slotOfStream(memory, plan, stream);
    for (const [at, , page, pages] of zeroingsOf(log, stream)) {
      replayStream(slot, stream, at!, 0);
      zeroPages(slot, page!, pages!);
    }
    replayStream(slot, stream, n, 0);
  });
  for (const [, slot, page, pages] of zeroingsOf(log, -1)) {
    zeroPages(memory.slots[slot!]!, page!, pages!);
  }
}

/** Returns the state with one value changed: `path` leads to a number. */
export function withChanged(
  states: readonly VcpuState[],
  path: readonly (string | number)[],
): VcpuState[] {
  const copy = structuredClone(states) as VcpuState[];
  let at = copy as unknown as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as typeof at;
  const last = path.at(-1)!;
  at[last] = (at[last] as number) + 1;
  return copy;
}

/** Lists the path to every number in a value. */
export function numbersIn(value: unknown, path: readonly (string | number)[] = []) {
  const paths: (string | number)[][] = [];
  if (typeof value === 'number') return [[...path]];
  for (const [key, inner] of Object.entries(value as object)) {
    paths.push(...numbersIn(inner, [...path, Array.isArray(value) ? Number(key) : key]));
  }
  return paths;
}

function configOf(options: ProvenGuestOptions): RunConfig {
  const { pageSize = 4096, pages = 700, memslots = 1, backing, verify = 'replay' } = options;
  const base = smallRun();
  const workload = { ...base.guest.workloads[0]!, pattern: { kind: 'uniform' } as const };
  const region = { firstGfn: Math.floor(pages / 4), pages: Math.floor(pages / 2), writes: 0.6 };
  const { workloads = [{}, { writes: 0.5, vcpu: 1 }] } = options;
  const [zeroFrom, zeroTo] = [Math.ceil(0.5 * pages), Math.ceil(0.7 * pages)];
  return smallRun({
    runtime: 'virtual',
    verify,
    guest: {
      memoryBytes: pages * pageSize,
      pageSize,
      memslots,
      ...(backing ? { backing } : {}),
      // What no entry covers is zero, and the streams write some of it.
      contents: [
        { firstGfn: 0, pages: zeroFrom, kind: 'random', zeroShare: 0.2 },
        { firstGfn: zeroTo, pages: pages - zeroTo, kind: 'random', zeroShare: 0.2 },
      ],
      workloads: workloads.map((changes) => ({ ...workload, ...region, ...changes })),
    },
  });
}
