import { planMemory } from '../../guest/memory-plan.ts';
import { areVcpusRunning } from '../common/guest-side.ts';
import { prefaultGuest } from '../common/fill.ts';
import { progressOf } from '../common/final-guest.ts';
import { createPlace } from '../common/stage.ts';
import type { RunConfig } from '../config.ts';
import { aroundNs } from '../../migration/spec/common-spec.ts';
import { pagesOf } from '../../wire/tally.ts';
import { toldSentence } from '../../wire/text.ts';
import type { TimelineSample } from '../report.ts';
import { CrewError } from '../threads/crew.ts';
import { WorkerPool } from '../threads/pool.ts';
import type { Tasks } from '../threads/tasks.ts';
import { type Connection, ConnectionEnded } from './connection.ts';
import { Half, threadsOfHalf } from './half.ts';
import { compareClocks, type Patience } from './handshake.ts';
import { type BodyOf, ProtocolError } from './messages.ts';
import { answerProof } from './remote-guest.ts';
import { ringBytesOf, windowBytesOf } from './window.ts';

/** How a guest's stay went, as its receiver saw it. */
export interface ReceivedReport {
  readonly outcome: 'completed' | 'cancelled' | 'failed';
  readonly error?: string;
  /** Whether the guest ran here. */
  readonly ran: boolean;
  readonly pages: number;
  readonly droppedPages: number;
  /** What the sender's proof found, and how it says that the run ended; absent when it has said nothing. */
  readonly sender?: BodyOf<'bye'>;
}

/** What a receiver calls while a guest comes. */
export interface ReceivedCalls {
  /** Called when a step begins. */
  onStep?(step: ReceivedStep): void;
  /** Called when the guest stands still, before its proof, with the RAM of each memslot. */
  beforeProof?(rams: readonly Uint8Array[]): void;
}

export type ReceivedStep = 'prepare' | 'wait' | 'migrate' | 'run' | 'verify';

/** The longest that a sender may take between two steps, besides what its scenario says. */
const STEP_MS = 300_000;
/** The same for its proof, which replays what the guest did. */
const PROOF_MS = 1_800_000;
/** How often it is checked whether the guest runs. */
const WATCH_MS = 20;
/** What the timeline of the guest has at most, so that it fits a message. */
const MOST_SAMPLES = 2048;

/** Serves one sender whose offer has been accepted: takes its guest, runs it, and answers its proof. */
export async function receiveGuest(
  guest: ReceivedGuest,
  patience: Patience,
  signal?: AbortSignal,
): Promise<ReceivedReport> {
  const stop = (): void => guest.stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    await guest.prepare(patience);
    await guest.serve();
  } catch (error) {
    guest.note(error);
  } finally {
    signal?.removeEventListener('abort', stop);
    await guest.leave();
  }
  return guest.report();
}

/** A guest that comes from another process, and its memory here. */
export class ReceivedGuest {
  readonly #connection: Connection;
  readonly #config: RunConfig;
  readonly #pool: WorkerPool;
  readonly #calls: ReceivedCalls;
  readonly #plan;
  readonly #side;
  #half: Half<'destination'> | undefined;
  #end: Tasks['destination'][1] | undefined;
  #bye: BodyOf<'bye'> | undefined;
  #error: string | undefined;
  #hasParked = false;
  #hasToldOfRun = false;

  /** Throws RangeError when the system does not give the memory. */
  constructor(connection: Connection, config: RunConfig, calls: ReceivedCalls) {
    this.#connection = connection;
    this.#config = config;
    this.#calls = calls;
    const { plan, geometries } = planMemory(config.guest, config.seed);
    this.#plan = plan;
    this.#side = createPlace(config.guest, plan, geometries(1));
    this.#pool = new WorkerPool(threadsOfHalf(config));
  }

  /** Compares the clocks, touches the guest's memory and starts its threads. */
  async prepare(patience: Patience): Promise<void> {
    this.#calls.onStep?.('prepare');
    const connection = this.#connection;
    const { origin, roundTripNs } = await compareClocks(connection, patience);
    const windowBytes = windowBytesOf(this.#config, roundTripNs);
    connection.send('compared', { roundTripNs, windowBytes });
    await prefaultGuest(this.#pool, this.#side);
    const bytes = ringBytesOf(windowBytes);
    const half = new Half<'destination'>({
      role: 'destination',
      config: this.#config,
      plan: this.#plan,
      side: this.#side,
      pool: this.#pool,
      clockOrigin: origin,
      outgoingBytes: bytes,
      incomingBytes: bytes,
    });
    this.#half = half;
    await half.launch();
    half.attach(connection, windowBytes);
    connection.send('ready', {});
  }

  /** Takes the guest, runs it until the sender says that its run is over, and answers the sender's proof. */
  async serve(): Promise<void> {
    const connection = this.#connection;
    const half = this.#half!;
    const { startAfterNs, around, runAfterNs } = this.#config.migration;
    const { before, after } = aroundNs(around);
    this.#calls.onStep?.('wait');
    await connection.expect(['start'], STEP_MS + (startAfterNs + before) / 1e6);
    this.#calls.onStep?.('migrate');
    half.timeline.start();
    const watching = setInterval(() => this.#tellOfRun(), WATCH_MS);
    const end = await half.migrate().finally(() => clearInterval(watching));
    this.#end = end;
    this.#tellOfRun();
    const { report } = end;
    const { outcome, tally, droppedPages } = report;
    const error = report.error === undefined ? undefined : toldSentence(report.error);
    connection.send('ended', {
      outcome,
      ...(error === undefined ? {} : { error }),
      tally: { pages: [...tally.pages], bytes: [...tally.bytes] },
      droppedPages,
    });
    await this.#serveEnd(STEP_MS + (runAfterNs + after) / 1e6);
  }

  /** Whether the guest runs here, or did. */
  get hasRun(): boolean {
    return this.#half !== undefined && (this.#hasParked || areVcpusRunning(this.#half.guest));
  }

  #tellOfRun(): void {
    if (this.#hasToldOfRun || !this.hasRun) return;
    this.#hasToldOfRun = true;
    this.#calls.onStep?.('run');
  }

  /** Ends a stay at the wish of a person here; a guest that runs here already is not harmed. */
  stop(): void {
    if (!this.hasRun) this.#connection.abort('the receiver was stopped');
  }

  /** Takes note of what ended the stay. Throws any error on that is not about the connection or a thread. */
  note(error: unknown): void {
    const isExpected =
      error instanceof ConnectionEnded ||
      error instanceof ProtocolError ||
      error instanceof CrewError;
    if (!isExpected) throw error;
    this.#error ??= error.message;
  }

  /** Ends all threads, and gives the memory back unless one of them might still be at work on it. */
  async leave(): Promise<void> {
    this.#half?.timeline.stop();
    const haveLeft = (await this.#half?.leave()) ?? true;
    // Only now is it sure whether the guest has run here, as RUN may just have come.
    if (this.#error !== undefined) {
      this.#connection.abort(this.#error, haveLeft ? this.hasRun : undefined);
    }
    await this.#pool.destroy();
    if (haveLeft) this.#half?.giveBack();
  }

  report(): ReceivedReport {
    const { report } = this.#end ?? {};
    const error = this.#error ?? report?.error;
    const outcome = report?.outcome ?? 'failed';
    return {
      outcome,
      ...(error === undefined ? {} : { error }),
      ran: this.hasRun,
      pages: report ? pagesOf(report.tally) : 0,
      droppedPages: report?.droppedPages ?? 0,
      ...(this.#bye ? { sender: this.#bye } : {}),
    };
  }

  /** Serves the sender once the migration is over: the guest's stop, the proof, and the farewell. */
  async #serveEnd(parkMs: number): Promise<void> {
    const connection = this.#connection;
    for (let timeoutMs = parkMs; ; timeoutMs = PROOF_MS) {
      const message = await connection.expect(['park', 'digest', 'fetch', 'bye'], timeoutMs);
      if (message.name === 'bye') {
        this.#bye = message.body;
        return;
      }
      if (message.name === 'park') await this.#park();
      else if (!this.#hasParked)
        throw new ProtocolError('it asked for memory of a guest that runs');
      else await answerProof(connection, this.#side, this.#pool, message);
    }
  }

  async #park(): Promise<void> {
    const half = this.#half!;
    if (this.#hasParked || !this.hasRun)
      throw new ProtocolError('it sent PARK, but no guest runs here');
    this.#hasParked = true;
    await half.park();
    half.timeline.stop();
    if (!(await half.leave())) throw new CrewError('a thread does not leave');
    this.#calls.onStep?.('verify');
    this.#calls.beforeProof?.(half.guest.memory.slots.map(({ ram }) => ram));
    const { area } = half.guest;
    this.#connection.send('parked', {
      progress: progressOf(this.#side, this.#plan),
      loaded: structuredClone(this.#end!.state ?? []) as never,
      area: new Uint8Array(area.slice().buffer),
      zeroings: half.vcpuEnds.flatMap(({ zeroings }) => zeroings),
      faults: half.vcpuEnds.map(({ faults }) => (faults as never) ?? null),
      timeline: thinned(half.timeline.samples),
      involuntarySwitches: half.involuntarySwitches,
    });
  }
}

/** Returns samples in even distances, and the last one. */
function thinned(samples: readonly TimelineSample[]): TimelineSample[] {
  const step = Math.ceil(samples.length / MOST_SAMPLES);
  return samples.filter((_, i) => i % step === 0 || i === samples.length - 1);
}
