import type { Clock } from '../../clock/clock.ts';
import { monotonicClock } from '../../clock/monotonic.ts';
import type { FullPlan } from '../../guest/stream-plan.ts';
import type { VcpuEnd } from '../../guest/vcpu.ts';
import { createLine, Line, LineEnd } from '../../link/line.ts';
import { closeRing, createRing, giveBackRing, type SharedRing } from '../../link/ring.ts';
import { type GuestSide, giveBackGuestSide, openGuestSide } from '../common/guest-side.ts';
import type { SharedGuestSide } from '../common/guest-side.ts';
import { Timeline } from '../common/timeline.ts';
import type { RunConfig } from '../config.ts';
import { Crew } from '../threads/crew.ts';
import { engineTask, launchVcpus, type SideLaunch } from '../threads/launch.ts';
import type { WorkerPool } from '../threads/pool.ts';
import { LIVE_PHASES, RunWords } from '../threads/run-words.ts';
import type { Tasks } from '../threads/tasks.ts';
import { AsyncDoorbell } from './async-doorbell.ts';
import type { Connection } from './connection.ts';

/** A vCPU polls every few microseconds and a parked one wakes every 100 ms, so one that takes this long hangs. */
export const ANSWER_MS = 10_000;
/** Threads that have not started after this time never will. */
const START_MS = 60_000;

/** The threads of a side: its engine and its vCPUs. */
export const threadsOfHalf = (config: RunConfig): number => 1 + config.guest.vcpus;

/** What one side of a migration between two processes has. */
export interface HalfParts {
  readonly role: 'source' | 'destination';
  readonly config: RunConfig;
  readonly plan: FullPlan;
  readonly side: SharedGuestSide;
  readonly pool: WorkerPool;
  /** The origin of the clock that both processes read. */
  readonly clockOrigin: bigint;
  /** The sizes of the rings between the engine and the connection. */
  readonly outgoingBytes: number;
  readonly incomingBytes: number;
  /** Called when the engine has died; the guest can go on without it when it returns true. */
  readonly onEngineDeath?: (error: Error) => boolean;
}

/** One side of a guest that moves between two processes: its threads, and the rings to the connection. */
export class Half<Role extends 'source' | 'destination'> {
  readonly guest: GuestSide;
  readonly words = new RunWords();
  readonly clock: Clock;
  readonly crew: Crew;
  readonly timeline: Timeline;
  /** What the vCPUs returned when they ended. */
  readonly vcpuEnds: VcpuEnd[] = [];
  readonly #parts: HalfParts;
  readonly #bell = new AsyncDoorbell();
  readonly #outgoing: SharedRing;
  readonly #incoming: SharedRing;
  readonly #sharedLine = createLine();
  /** The connection as the engine sees it; only a post-copy sees that one is lost and another one takes its place. */
  readonly #line: Line;
  #engine: Promise<Tasks[Role][1]> | undefined;
  #hasEnded = false;
  #connection: Connection | undefined;
  readonly #switchesBefore = process.resourceUsage().involuntaryContextSwitches;

  constructor(parts: HalfParts) {
    this.#parts = parts;
    this.clock = monotonicClock(parts.clockOrigin);
    this.crew = new Crew(() => this.clock.now() / 1e6);
    this.guest = openGuestSide(parts.side);
    this.timeline = new Timeline(this.clock, () => [this.guest.memory], parts.plan);
    this.#outgoing = createRing(parts.outgoingBytes);
    this.#incoming = createRing(parts.incomingBytes);
    this.#line = new Line(this.#sharedLine, [this.#outgoing, this.#incoming]);
  }

  /** Whether this is a source whose engine pushes pages to a guest that runs elsewhere. */
  get isPushing(): boolean {
    const phase = LIVE_PHASES[this.words.figures().phase];
    const isPostcopy = phase?.startsWith('postcopy') === true;
    return this.#parts.role === 'source' && isPostcopy && !this.#hasEnded;
  }

  /** Tells the engine that the frames under way are lost with their connection. */
  #cut(): void {
    const far = new LineEnd(this.#sharedLine, this.#parts.role === 'source' ? 'far' : 'near');
    this.#line.cut();
    // The engine's peer uses other rings, and has let go of these at once.
    far.isLost();
    this.guest.doorbell.ring();
  }

  /** Lets the engine use empty rings for the next connection, if it has let go of the old ones; returns whether it does. */
  #restore(): boolean {
    if (this.#line.isLost && !this.#line.restore()) return false;
    this.guest.doorbell.ring();
    return true;
  }

  /** Starts the threads and resolves when all are ready. Throws CrewError. */
  async launch(): Promise<void> {
    const { role, config, pool, side } = this.#parts;
    const launch: SideLaunch = {
      ...this.#parts,
      guestSide: side,
      crew: this.crew,
      words: this.words,
    };
    launchVcpus(launch, role, (vcpu, end) => (this.vcpuEnds[vcpu] = end));
    const [outgoing, incoming] = [this.#outgoing, this.#incoming];
    const task = engineTask(launch, {
      outgoing,
      incoming,
      line: this.#sharedLine,
      peerHandshake: this.#bell.handshake,
    });
    const engine = pool.run(role, task) as Promise<Tasks[Role][1]>;
    this.#engine = this.crew.watch(`the ${role} engine`, engine, this.#parts.onEngineDeath);
    const threads = threadsOfHalf(config);
    await this.crew.until('the threads start', () => this.words.ready === threads, START_MS);
  }

  /** Has a connection carry the engine's frames from now on. */
  attach(connection: Connection, windowBytes: number): void {
    this.#connection = connection;
    connection.carry({
      outgoing: this.#outgoing,
      incoming: this.#incoming,
      engine: this.guest.doorbell,
      bell: this.#bell,
      clock: this.clock,
      windowBytes,
      onLastFrame: () => this.#leavePeer(),
      renewal: {
        isWanted: () => this.isPushing,
        cut: () => this.#cut(),
        restore: () => this.#restore(),
      },
    });
  }

  /** Tells the engine that its peer is gone, once it has read what has come. */
  #leavePeer(): void {
    closeRing(this.#incoming);
    this.guest.doorbell.ring();
  }

  /** Lets the engine begin; resolves when its half of the migration is over and its frames are sent. Throws CrewError. */
  async migrate(): Promise<Tasks[Role][1]> {
    this.words.start();
    this.guest.doorbell.ring();
    const end = await this.crew.result(this.#engine!);
    this.#hasEnded = true;
    await this.#connection?.endFrames();
    return end;
  }

  /** Has all vCPUs stand still. Throws CrewError. */
  async park(): Promise<void> {
    const { engine } = this.guest;
    engine.pause();
    await this.crew.until('the vCPUs pause', () => engine.areAllParked(), ANSWER_MS);
  }

  /** Tells all threads to leave; resolves to false when one does not. */
  async leave(): Promise<boolean> {
    this.words.abort();
    this.guest.engine.stop();
    this.guest.doorbell.ring();
    return this.crew.haveAllLeft(5000);
  }

  get involuntarySwitches(): number {
    return process.resourceUsage().involuntaryContextSwitches - this.#switchesBefore;
  }

  /** Gives the memory back to the pool; no thread may use it any more. */
  giveBack(): void {
    for (const ring of [this.#incoming, this.#outgoing]) giveBackRing(ring);
    giveBackGuestSide(this.#parts.side);
  }
}
