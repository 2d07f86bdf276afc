import type { Clock } from '../../clock/clock.ts';
import { planMemory } from '../../guest/memory-plan.ts';
import { PageWaiter } from '../../memory/presence/page-waiter.ts';
import type { FullPlan } from '../../guest/stream-plan.ts';
import { writePlan } from '../../guest/stream-record.ts';
import { RESUMED_NS } from '../../guest/vcpu-state.ts';
import { VcpuCore } from '../../guest/vcpu-core.ts';
import type { Workload } from '../../guest/workload.ts';
import { fillPages } from '../../memory/contents/contents.ts';
import { marksOf } from '../../memory/dirty-logs/open.ts';
import { wantedOf } from '../../memory/handshake/words.ts';
import { WriterHandshake } from '../../memory/handshake/writer.ts';
import { SharedDestinationGuest, SharedSourceGuest } from '../common/guests.ts';
import {
  createGuestSide,
  type GuestSide,
  type LogConfig,
  openGuestSide,
} from '../common/guest-side.ts';

export const REHEARSED_PAGES = 1024;
export const REHEARSED_PAGE_SIZE = 4096;
/** The vCPU makes this many accesses in a turn. */
const ACCESSES = 16;
/** The vCPU writes in this many turns, and rests from then on, so that the migration can end. */
const WRITING_TURNS = 24;
/** In post-copy the vCPU goes on in this many turns only. */
const FAULTS = 4;

const WORKLOAD: Workload = {
  pattern: { kind: 'uniform' },
  firstGfn: 0,
  pages: REHEARSED_PAGES,
  rate: Infinity,
  writes: 1,
  wordsPerPage: 1,
  fromNs: 0,
  untilNs: Infinity,
};

/** Both sides of a guest of 4 MiB in one thread; its one vCPU makes a step whenever it is told to. */
export interface RehearsedGuest {
  /** Returns a source and a destination for the next migration. */
  fresh(): {
    readonly source: SharedSourceGuest;
    readonly target: SharedDestinationGuest;
    /** Makes a step of the vCPU on either side. */
    readonly step: () => void;
  };
}

/** Creates a guest with a log of the kind that the real guest has. */
export function rehearsedGuest(config: LogConfig, clock: Clock): RehearsedGuest {
  const log = {
    ...config,
    ...(config.clearChunkPages ? { clearChunkPages: REHEARSED_PAGES / 4 } : {}),
  };
  const { plan, geometries } = planMemory(
    {
      memoryBytes: REHEARSED_PAGES * REHEARSED_PAGE_SIZE,
      pageSize: REHEARSED_PAGE_SIZE,
      vcpus: 1,
      memslots: 1,
      dirtyLog: log.kind,
      workloads: [WORKLOAD],
    },
    1,
  );
  const [from, to] = [0, 1].map((skewPages) =>
    openGuestSide(createGuestSide(geometries(skewPages), plan, log)),
  ) as [GuestSide, GuestSide];
  const slot = from.memory.slots[0]!;
  const contents = [
    { firstGfn: 0, pages: REHEARSED_PAGES, kind: 'mixed' as const, zeroShare: 0.1 },
  ];
  fillPages(slot, contents, 1, 0, REHEARSED_PAGES);
  for (const guestSide of [from, to]) writePlan(guestSide.memory.slots[0]!, plan);
  const [here, there] = [new SteppedVcpu(from, plan, clock), new SteppedVcpu(to, plan, clock)];
  const step = (): void => {
    here.step();
    there.step();
  };
  const fresh: RehearsedGuest['fresh'] = () => {
    // The vCPU runs at the source and waits at the destination, as it does before a real migration.
    to.engine.pause();
    from.engine.resume();
    here.begin();
    there.begin();
    step();
    const source = new SharedSourceGuest(from, plan, clock);
    const target = new SharedDestinationGuest(to, plan, clock);
    return { source, target, step };
  };
  return { fresh };
}

/** A vCPU that does the work of a vCPU's thread step by step, and never blocks. */
class SteppedVcpu {
  readonly #clock: Clock;
  readonly #area: Float64Array;
  readonly #words: Int32Array;
  readonly #handshake: WriterHandshake;
  readonly #core: VcpuCore;
  readonly #pages: PageWaiter;
  #turns = 0;
  #faults = 0;

  constructor(guestSide: GuestSide, plan: FullPlan, clock: Clock) {
    const { memory, words, area, doorbell, log, rings } = guestSide;
    const handshake = new WriterHandshake(words, 1, doorbell);
    const marks = marksOf(log.kind, 1, rings);
    this.#clock = clock;
    this.#area = area;
    this.#words = words;
    this.#handshake = handshake;
    this.#pages = new PageWaiter(memory, words, handshake);
    const parts = { vcpu: 0, plan, memory, words, area, handshake, marks };
    this.#core = new VcpuCore({ ...parts, layers: [], countsFresh: false });
  }

  begin(): void {
    this.#turns = WRITING_TURNS;
    this.#faults = FAULTS;
  }

  step(): void {
    const handshake = this.#handshake;
    if (!handshake.poll()) return;
    if (handshake.hasBeenResumed()) {
      // The guest has one vCPU, whose area begins at 0.
      this.#area[RESUMED_NS] = this.#clock.now();
      handshake.reportRunning();
    }
    if (Atomics.load(this.#words, wantedOf(1)) !== 0) return;
    const left = handshake.isGated() ? this.#faults-- : this.#turns--;
    if (left > 0 && this.#core.next(ACCESSES) === 'gated') this.#requestPage();
  }

  /** Asks for an absent page, as a vCPU does before it blocks. */
  #requestPage(): void {
    const { page } = this.#core;
    if (this.#pages.takeBuffered(this.#core.stream!.slot, page)) return;
    Atomics.store(this.#words, wantedOf(1), page + 1);
    this.#handshake.ringDoorbell();
  }
}
