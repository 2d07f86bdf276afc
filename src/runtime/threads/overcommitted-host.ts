import type { Clock } from '../../clock/clock.ts';
import { monotonicClock, monotonicOrigin } from '../../clock/monotonic.ts';
import { planMemory } from '../../guest/memory-plan.ts';
import { type FullPlan, lightPlan } from '../../guest/stream-plan.ts';
import type { VcpuEnd } from '../../guest/vcpu.ts';
import { Doorbell } from '../../memory/doorbell.ts';
import { balloonPagesOf } from '../../memory/handshake/words.ts';
import type { OvercommitConfig } from '../../overcommit/config.ts';
import { fillGuest } from '../common/fill.ts';
import { giveBackGuestSide, openGuestSide, type SharedGuestSide } from '../common/guest-side.ts';
import { prove } from '../common/proof.ts';
import { createPlace } from '../common/stage.ts';
import { initialOf, type OvercommittedGuestSpec } from '../virtual/overcommitted-guest.ts';
import type { HostProof } from '../virtual/overcommitted-host.ts';
import { Crew } from './crew.ts';
import type { WorkerPool } from './pool.ts';
import { RunWords } from './run-words.ts';
import type { HostEnd } from './tasks.ts';

export interface ThreadedHostOptions {
  /** The threads to use: at least one for the host and one for each vCPU. They outlive the host. */
  readonly pool: WorkerPool;
  /** Once it is aborted, the host ends its life at once, and is proved. */
  readonly signal?: AbortSignal;
  /** Called when all guests stand still, before their proof, with each guest's RAM by memslot. */
  readonly beforeProof?: (guests: readonly (readonly Uint8Array[])[]) => void;
}

/** What became of a host in real time and of its guests. */
export interface ThreadedHostReport extends HostEnd {
  readonly guests: readonly {
    readonly name: string;
    /** How many pages its balloon had at the end. */
    readonly balloonPages: number;
    /** What it has paged to its own disk. */
    readonly disk: NonNullable<VcpuEnd['disk']>;
  }[];
  readonly proof: HostProof;
}

/** A guest whose memory is filled. */
interface Settled {
  readonly spec: OvercommittedGuestSpec;
  readonly plan: FullPlan;
  readonly side: SharedGuestSide;
}

/**
 * Lets an overcommitted host live in real time, and proves its guests: the vCPUs of all guests run in threads, and one
 * more thread is the host. Throws CrewError when a thread dies or a guest can't be admitted, and ContentsError.
 */
export async function runThreadedHost(
  config: OvercommitConfig,
  specs: readonly OvercommittedGuestSpec[],
  durationNs: number,
  options: ThreadedHostOptions,
): Promise<ThreadedHostReport> {
  const { pool } = options;
  const settled: Settled[] = [];
  for (const spec of specs) {
    const { guest: shape, seed } = spec.config;
    const { plan, geometries } = planMemory(shape, seed);
    const side = createPlace(shape, plan, geometries(0));
    await fillGuest(pool, side, shape.contents, seed, { prefault: false, isUsed: false });
    settled.push({ spec, plan, side });
  }
  const life = new HostLife(config, settled, durationNs, options);
  const { end, vcpus } = await life.live();
  const ends = settled.map(({ spec, side }, i) => ({
    name: spec.name,
    balloonPages: balloonPagesIn(side),
    disk: sumOf(vcpus[i]!),
  }));
  options.beforeProof?.(settled.map(({ side }) => ramsOf(side)));
  const guests: { name: string; proof: HostProof['guests'][number]['proof'] }[] = [];
  for (const [i, one] of settled.entries()) {
    guests.push({ name: one.spec.name, proof: await proveGuest(one, vcpus[i]!, pool) });
  }
  return { ...end, guests: ends, proof: { guests, problems: end.problems } };
}

/** The threads of a host from their start to their end. */
class HostLife {
  readonly #origin = monotonicOrigin();
  readonly #clock: Clock = monotonicClock(this.#origin);
  readonly #words = new RunWords();
  readonly #crew = new Crew(() => this.#clock.now() / 1e6);
  readonly #bellWords = new SharedArrayBuffer(Doorbell.WORDS * 4);
  readonly #doorbell = new Doorbell(new Int32Array(this.#bellWords), 0);
  readonly #config: OvercommitConfig;
  readonly #guests: readonly Settled[];
  readonly #durationNs: number;
  readonly #options: ThreadedHostOptions;

  constructor(
    config: OvercommitConfig,
    guests: readonly Settled[],
    durationNs: number,
    options: ThreadedHostOptions,
  ) {
    this.#config = config;
    this.#guests = guests;
    this.#durationNs = durationNs;
    this.#options = options;
  }

  async live(): Promise<{ readonly end: HostEnd; readonly vcpus: readonly VcpuEnd[][] }> {
    const { signal } = this.#options;
    const cancel = (): void => {
      this.#words.cancel();
      this.#doorbell.ring();
    };
    const vcpus = this.#guests.map((guest) => this.#startVcpus(guest));
    const host = this.#crew.watch('the host', this.#startHost());
    try {
      const threads = 1 + vcpus.flat().length;
      await this.#crew.until('the threads start', () => this.#words.ready === threads, 60_000);
      if (signal?.aborted) cancel();
      signal?.addEventListener('abort', cancel, { once: true });
      this.#words.start();
      this.#doorbell.ring();
      const end = await this.#crew.result(host);
      const ends = vcpus.map((some) => Promise.all(some.map((one) => this.#crew.result(one))));
      return { end, vcpus: await Promise.all(ends) };
    } finally {
      signal?.removeEventListener('abort', cancel);
      await this.#leave();
    }
  }

  #startVcpus({ spec, plan, side }: Settled): Promise<VcpuEnd>[] {
    return Array.from({ length: plan.vcpus }, (_, vcpu) => {
      const task = this.#options.pool.run('vcpu', {
        guestSide: side,
        plan: lightPlan(plan),
        clockOrigin: this.#origin,
        runWords: this.#words.buffer,
        vcpu,
        host: { doorbell: this.#bellWords, balloon: spec.balloon },
      });
      return this.#crew.watch(`vCPU ${vcpu} of ${spec.name}`, task);
    });
  }

  #startHost(): Promise<HostEnd> {
    return this.#options.pool.run('host', {
      config: this.#config,
      guests: this.#guests.map(({ spec, plan, side }) => ({
        guestSide: side,
        plan: lightPlan(plan),
        grant: spec.grant,
        initial: initialOf(spec),
        populate: spec.populate,
        balloon: spec.balloon,
        startNs: spec.startNs,
        stopNs: spec.stopNs,
      })),
      durationNs: this.#durationNs,
      clockOrigin: this.#origin,
      runWords: this.#words.buffer,
      doorbell: this.#bellWords,
    });
  }

  /** Has every thread leave that still runs, because another one has died. */
  async #leave(): Promise<void> {
    this.#words.abort();
    for (const { side } of this.#guests) openGuestSide(side).engine.stop();
    this.#doorbell.ring();
    await this.#crew.haveAllLeft(5000);
  }
}

async function proveGuest(
  { spec, plan, side }: Settled,
  vcpus: readonly VcpuEnd[],
  pool: WorkerPool,
): Promise<HostProof['guests'][number]['proof']> {
  const { config } = spec;
  const { geometries } = planMemory(config.guest, config.seed);
  const canvas = createPlace(config.guest, plan, geometries(1));
  const zeroings = { source: vcpus.flatMap((end) => end.zeroings), destination: [] };
  const parts = { config, plan, pool, final: side, canvas, zeroings };
  const proof = await prove({ ...parts, isFrozenSource: false });
  for (const each of [canvas, side]) giveBackGuestSide(each);
  return proof;
}

function balloonPagesIn({ handshake, writers }: SharedGuestSide): number {
  const words = new Int32Array(handshake);
  let pages = 0;
  for (let writer = 1; writer < writers; writer++) pages += words[balloonPagesOf(writer)]!;
  return pages;
}

function sumOf(vcpus: readonly VcpuEnd[]): NonNullable<VcpuEnd['disk']> {
  const sum = (key: keyof NonNullable<VcpuEnd['disk']>): number =>
    vcpus.reduce((total, { disk }) => total + (disk?.[key] ?? 0), 0);
  return { in: sum('in'), out: sum('out'), doublePaged: sum('doublePaged') };
}

const ramsOf = (side: SharedGuestSide): readonly Uint8Array[] =>
  openGuestSide(side).memory.slots.map(({ ram }) => ram);
