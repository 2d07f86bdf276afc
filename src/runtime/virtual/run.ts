import { VIRTUAL_CLOCK_NAME, VirtualClock } from '../../clock/virtual.ts';
import { mergeFaults } from '../../guest/faults.ts';
import { GAP_NS } from '../../guest/vcpu-state.ts';
import { ringLink } from '../../link/ring-link.ts';
import { Line } from '../../link/line.ts';
import { closeRing } from '../../link/ring.ts';
import { PARTIAL } from '../../memory/handshake/words.ts';
import { destination as runDestination } from '../../migration/destination.ts';
import type { SourceSession } from '../../migration/source-session.ts';
import type { SourceReport } from '../../migration/source.ts';
import { recoveryOf, sourceAlgorithm, sourceOptions } from '../../migration/spec/wiring.ts';
import { SharedDestinationGuest, SharedSourceGuest } from '../common/guests.ts';
import { linkFacts } from '../common/link-facts.ts';
import { areVcpusRunning, type GuestSide, openGuestSide } from '../common/guest-side.ts';
import { othersTurn } from '../common/others-turn.ts';
import { achievedRates, managerCounts, mostOf } from '../common/measures.ts';
import { prove } from '../common/proof.ts';
import { setStage, type Stage } from '../common/stage.ts';
import { Timeline } from '../common/timeline.ts';
import { inlineRunner } from '../common/work.ts';
import type { RunConfig } from '../config.ts';
import type { Proof, RunReport } from '../report.ts';
import { VirtualCrew } from './crew.ts';
import { VirtualDestinationGuest, VirtualSourceGuest } from './guests.ts';
import { Half } from './half.ts';
import { VirtualLink } from './link.ts';
import type { Happening, HappeningWorld, VirtualOptions } from './options.ts';
import { outagesOf, whenOf } from './outages.ts';
import { rehearseVirtual } from './rehearsal.ts';

/** So many events are dealt with, or so much guest time, before others of the program get their turn. */
const EVENTS_A_TURN = 5000;
const TURN_NS = 50e6;
const SAMPLE_NS = 20e6;

/**
 * One migration on a virtual clock: one thread, discrete events, the same algorithms, frames and
 * memory as in real time. The same configuration gives the same report, to the bit, on any machine.
 */
export async function runVirtual(
  config: RunConfig,
  options: VirtualOptions = {},
): Promise<RunReport> {
  const { runner = inlineRunner, clock } = options;
  const marks: number[] = [];
  const mark = (): void => void marks.push(clock?.now() ?? 0);
  mark();
  const staging = setStage(config, runner);
  // Should it fail, that is heard of below.
  staging.catch(() => undefined);
  if (runner.threads > 1 && clock) await rehearseVirtual(config, clock, runVirtual);
  const world = new VirtualWorld(config, await staging, options);
  await world.begin();
  mark();
  await world.play();
  mark();
  const report = await world.report();
  mark();
  if (!clock) return report;
  const [setUpNs, runNs, proofNs] = [1, 2, 3].map((i) => marks[i]! - marks[i - 1]!);
  const { events } = world;
  return { ...report, wall: { setUpNs: setUpNs!, runNs: runNs!, proofNs: proofNs!, events } };
}

class VirtualWorld implements HappeningWorld {
  readonly #config: RunConfig;
  readonly #stage: Stage;
  readonly #options: VirtualOptions;
  readonly #guestSides: { readonly source: GuestSide; readonly destination: GuestSide };
  readonly #clocks = { source: new VirtualClock(), destination: new VirtualClock() };
  readonly #crews: { readonly source: VirtualCrew; readonly destination: VirtualCrew };
  readonly #guests: {
    readonly source: SharedSourceGuest;
    readonly destination: SharedDestinationGuest;
  };
  readonly #source: Half<SourceReport>;
  readonly #destination: Half<
    ReturnType<typeof runDestination> extends Generator<unknown, infer R> ? R : never
  >;
  readonly #near: VirtualLink;
  readonly #far: VirtualLink;
  readonly #timeline: Timeline;
  readonly line: Line;
  /** The source's half, for whoever watches. */
  #session: SourceSession | undefined;
  #happenings: readonly Happening[] = [];
  /** Of the migration so far. */
  events = 0;
  #nowNs = 0;
  #sampledNs = -Infinity;
  #stalledNs = 0;
  #isDestinationDead = false;
  #rates: number[] | undefined;

  constructor(config: RunConfig, stage: Stage, options: VirtualOptions) {
    this.#config = config;
    this.#stage = stage;
    this.#options = options;
    const { costs, link, migration } = config;
    const { plan } = stage;
    const guestSides = {
      source: openGuestSide(stage.source),
      destination: openGuestSide(stage.destination),
    };
    this.#guestSides = guestSides;
    this.line = new Line(stage.line, [stage.forward, stage.backward]);
    const clocks = this.#clocks;
    this.#crews = {
      source: new VirtualCrew(guestSides.source, plan, costs),
      destination: new VirtualCrew(guestSides.destination, plan, costs),
    };
    this.#guests = {
      source: new SharedSourceGuest(guestSides.source, plan, clocks.source),
      destination: new SharedDestinationGuest(guestSides.destination, plan, clocks.destination),
    };
    const source = new VirtualSourceGuest(
      this.#guests.source,
      this.#crews.source,
      clocks.source,
      costs,
    );
    const destination = new VirtualDestinationGuest(
      this.#guests.destination,
      this.#crews.destination,
      clocks.destination,
      costs,
    );
    const { pageSize } = config.guest;
    const slots = guestSides.source.memory.slots.map(({ layout }) => layout.pages);
    const ends = { bytesPerSecond: link.bytesPerSecond, latencyNs: link.latencyNs, madeUpLagNs: 0 };
    const near = ringLink({
      ...ends,
      clock: clocks.source,
      outgoing: stage.forward,
      incoming: stage.backward,
      peerDoorbell: guestSides.destination.doorbell,
      line: { shared: stage.line, side: 'near' },
    });
    const far = ringLink({
      ...ends,
      clock: clocks.destination,
      outgoing: stage.backward,
      incoming: stage.forward,
      peerDoorbell: guestSides.source.doorbell,
      line: { shared: stage.line, side: 'far' },
    });
    const { storedBytes } = guestSides.source.memory.slots[0]!.layout;
    const shared = { costs, pageSize, storedBytes, slots, stalledUntilNs: () => this.#stalledNs };
    this.#near = new VirtualLink({
      ...shared,
      inner: near,
      clock: clocks.source,
      setupNs: costs.setupNs,
      neighbours: this.#crews.source,
      beforeRead: () => source.live(),
    });
    this.#far = new VirtualLink({
      ...shared,
      inner: far,
      clock: clocks.destination,
      afterFrame: () => this.#crews.destination.attendFaults(clocks.destination.now()),
    });
    const isCancelled = (): boolean => options.signal?.aborted ?? false;
    this.#source = new Half(
      sourceAlgorithm(
        {
          clock: clocks.source,
          link: this.#near,
          guest: source,
          watch: (session) => void (this.#session = session),
          options: sourceOptions(link, migration, guestSides.source.memory, {
            fixedNs: costs.windowLagNs,
            perByteNs: costs.windowLagNsPerByte,
          }),
        },
        migration,
      ),
      {
        clock: clocks.source,
        link: this.#near,
        isGuestSettled: () => source.isSettled(),
        isCancelled,
      },
    );
    this.#destination = new Half(
      runDestination({
        clock: clocks.destination,
        link: this.#far,
        guest: destination,
        ...recoveryOf(migration),
      }),
      {
        clock: clocks.destination,
        link: this.#far,
        isGuestSettled: () => destination.isSettled(),
        isCancelled: () => false,
      },
    );
    this.#timeline = new Timeline(
      clocks.source,
      [guestSides.source.memory, guestSides.destination.memory],
      plan,
    );
    const sample = (nowNs: number): void => this.#sample(nowNs);
    this.#crews.source.attend(() => guestSides.source.logReaders().tend(), sample);
    this.#crews.destination.attend(() => undefined, sample);
  }

  cutLink(): void {
    closeRing(this.#stage.forward);
    closeRing(this.#stage.backward);
  }

  killDestination(): void {
    this.#isDestinationDead = true;
    closeRing(this.#stage.backward);
  }

  stallLink(untilNs: number): void {
    this.#stalledNs = Math.max(this.#stalledNs, untilNs);
  }

  /** The guest's life before the migration. */
  async begin(): Promise<void> {
    const { migration } = this.#config;
    const { source } = this.#crews;
    this.#guestSides.source.engine.resume();
    source.poll(0);
    await this.#live(source, migration.startAfterNs);
    if (migration.startAfterNs > 0) {
      this.#rates = achievedRates(this.#guestSides.source, this.#stage.plan);
    }
    this.#timeline.sample(this.#nowNs);
    for (const clock of Object.values(this.#clocks)) clock.moveTo(this.#nowNs);
    this.#happenings = [
      ...(this.#options.happenings?.(this) ?? []),
      ...outagesOf(this.#config.link.outages ?? [], this.#nowNs, this.line),
    ].toSorted((a, b) => a.atNs - b.atNs);
  }

  /** The migration, and the guest's life after. */
  async play(): Promise<void> {
    const { migration } = this.#config;
    await this.#migrate();
    const { source: near, destination: far } = this.#guestSides;
    this.#options.onEnd?.({ source: areVcpusRunning(near), destination: areVcpusRunning(far) });
    await this.#liveOn(migration.runAfterNs);
  }

  async #migrate(): Promise<void> {
    const { source, destination } = this.#clocks;
    let turnNs = this.#nowNs;
    this.#source.begin();
    this.#destination.begin();
    for (let events = 1; ; events++) {
      if (this.#isOver()) break;
      this.#next();
      this.events = events;
      if (events > (this.#options.mostEvents ?? Infinity)) {
        throw new Error(`the migration goes round in circles: ${events} events`);
      }
      if (events % EVENTS_A_TURN !== 0 && this.#nowNs < turnNs + TURN_NS) continue;
      turnNs = this.#nowNs;
      this.#options.onProgress?.({
        nowNs: this.#nowNs,
        events,
        bytes: this.#near.postedBytes,
        pagesLeft: this.#session?.unsent.count ?? 0,
      });
      await othersTurn();
    }
    this.#nowNs = Math.max(
      this.#nowNs,
      source.now(),
      this.#isDestinationDead ? 0 : destination.now(),
    );
  }

  /** The source is done, and the destination has nothing to wait for any more. */
  #isOver(): boolean {
    if (!this.#source.isOver) return false;
    if (this.#isDestinationDead || this.#destination.isOver) return true;
    // It hears that the source is gone once it has read what is under way.
    closeRing(this.#stage.forward);
    return false;
  }

  /** The next event: of the halves, the one that can go on first; or what happens to them. */
  #next(): void {
    const { destination: crew } = this.#crews;
    const nearNs = this.#source.nextNs(this.#nowNs);
    const farNs = this.#isDestinationDead ? Infinity : this.#destination.nextNs(this.#nowNs);
    const happening = this.#happenings[0];
    const happeningNs = happening ? whenOf(happening, this.#nowNs) : Infinity;
    let atNs = Math.min(nearNs, farNs, happeningNs);
    if (atNs === Infinity) throw new Error('both halves of the migration wait for ever');
    let isFault = false;
    if (this.#isPartly()) {
      crew.advance(atNs);
      const faultNs = Math.max(crew.faultAtNs(), this.#clocks.destination.now());
      isFault = faultNs < atNs;
      if (isFault) atNs = faultNs;
    }
    this.#nowNs = atNs;
    if (isFault) this.#destination.go(atNs);
    else if (happening && happeningNs <= atNs) {
      this.#happenings = this.#happenings.slice(1);
      happening.act();
    } else if (farNs <= nearNs) this.#destination.go(atNs);
    else this.#source.go(atNs);
  }

  /** The destination's guest runs while pages are missing, and somebody is there to serve it. */
  #isPartly(): boolean {
    if (this.#isDestinationDead || this.#destination.isOver) return false;
    return Atomics.load(this.#guestSides.destination.words, PARTIAL) !== 0;
  }

  async #liveOn(ns: number): Promise<void> {
    const { source, destination } = this.#crews;
    const isMoved = this.#source.result?.outcome === 'completed';
    const crew = isMoved ? destination : source;
    crew.attendFaults(this.#nowNs);
    crew.advance(this.#nowNs);
    this.#timeline.sample(this.#nowNs);
    await this.#live(crew, ns);
    this.#timeline.sample(this.#nowNs);
  }

  /** A side's guest lives for `ns`, or until somebody calls the run off. */
  async #live(crew: VirtualCrew, ns: number): Promise<void> {
    const endNs = this.#nowNs + ns;
    while (this.#nowNs < endNs && this.#options.signal?.aborted !== true) {
      this.#nowNs = Math.min(endNs, this.#nowNs + TURN_NS);
      crew.advance(this.#nowNs);
      await othersTurn();
    }
  }

  #sample(nowNs: number): void {
    if (nowNs < this.#sampledNs + SAMPLE_NS) return;
    this.#sampledNs = nowNs;
    this.#timeline.sample(nowNs);
  }

  async report(): Promise<RunReport> {
    const { guest } = this.#config;
    const source = this.#source.result!;
    const destination = this.#destination.result;
    const proof = await this.#prove();
    const blackoutNs = mostOf(this.#guestSides, this.#stage.plan, GAP_NS);
    const manager = managerCounts(this.#guestSides, this.#stage.plan);
    const faults = mergeFaults(this.#crews.destination.faultLogs());
    return {
      runtime: 'virtual',
      clock: VIRTUAL_CLOCK_NAME,
      source,
      link: linkFacts(this.#config),
      ...(destination ? { destination } : {}),
      guest: {
        pages: guest.memoryBytes / guest.pageSize,
        pageSize: guest.pageSize,
        ...(this.#rates ? { achievedRate: this.#rates } : {}),
        timeline: this.#timeline.samples,
        ...(blackoutNs > 0 ? { blackoutNs } : {}),
        ...(faults ? { faults } : {}),
        rings: this.#guestSides.source.logReaders().ringCounts(),
        ...(manager ? { manager } : {}),
        startedNs: 0,
        endedNs: this.#nowNs,
      },
      ...(proof ? { proof } : {}),
    };
  }

  async #prove(): Promise<Proof | undefined> {
    const { verify } = this.#config;
    const { source, destination } = this.#guestSides;
    const rams = [source, destination].map(({ memory }) => memory.slots.map(({ ram }) => ram));
    this.#options.beforeProof?.(rams[0]!, rams[1]!);
    const report = this.#source.result!;
    if (verify === 'off' || report.guestLost) return undefined;
    const isMoved = report.outcome === 'completed';
    const sides = [this.#stage.destination, this.#stage.source] as const;
    return prove({
      config: this.#config,
      plan: this.#stage.plan,
      pool: this.#options.runner ?? inlineRunner,
      final: isMoved ? sides[0] : sides[1],
      canvas: isMoved ? sides[1] : sides[0],
      isFrozenSource: isMoved && verify === 'replay',
      sentState: this.#guests.source.savedState,
      receivedState: this.#guests.destination.loadedState,
      zeroings: {
        source: this.#crews.source.zeroings(),
        destination: this.#crews.destination.zeroings(),
      },
    });
  }
}
