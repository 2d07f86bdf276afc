import { monotonicClock, monotonicOrigin } from '../../clock/monotonic.ts';
import type { Duplex } from 'node:stream';
import { planMemory } from '../../guest/memory-plan.ts';
import type { FullPlan } from '../../guest/stream-plan.ts';
import { aroundNs } from '../../migration/spec/common-spec.ts';
import type { SourceReport } from '../../migration/source.ts';
import { toldSentence } from '../../wire/text.ts';
import { fillGuest } from '../common/fill.ts';
import { areVcpusRunning, giveBackGuestSide, type SharedGuestSide } from '../common/guest-side.ts';
import { achievedRates } from '../common/measures.ts';
import { proveRun } from '../common/prove-run.ts';
import { createPlace } from '../common/stage.ts';
import type { RunConfig } from '../config.ts';
import type { ConnectionReport, Proof, RunReport } from '../report.ts';
import { CrewError } from '../threads/crew.ts';
import { FirstFailure, failedRun, withCause } from '../threads/failure.ts';
import type { LiveView, RunOptions, RunPhase } from '../threads/options.ts';
import { WorkerPool } from '../threads/pool.ts';
import type { SourceEnd } from '../threads/tasks.ts';
import { type Connection, ConnectionEnded } from './connection.ts';
import { ANSWER_MS, Half, threadsOfHalf } from './half.ts';
import { needsOf, offer, recoveryMs, type Patience, PATIENCE, pongs } from './handshake.ts';
import { type BodyOf, ProtocolError, VERSIONS } from './messages.ts';
import { surviveLosses } from './reconnect.ts';
import { remoteGuest } from './remote-guest.ts';
import { newSecret } from './resume-code.ts';
import { sentReport } from './sent-report.ts';
import { ringBytesOf } from './window.ts';

/** What a sender works with. */
export interface SendOptions extends Pick<
  RunOptions,
  'signal' | 'proofSignal' | 'onSetUp' | 'onPhase' | 'onStart' | 'beforeProof'
> {
  readonly patience?: Patience;
}

/** The guest that moves, and over what. */
export interface Sending {
  readonly config: RunConfig;
  /** What the receiver makes its side from. */
  readonly offered: Pick<BodyOf<'offer'>, 'scenario' | 'files'>;
  /** A number that no other migration has, as 32 hexadecimal digits. */
  readonly id: string;
  readonly connection: Connection;
  /** Makes another connection to the receiver within a time; without it, a lost connection is not replaced. */
  readonly redial?: (timeoutMs: number) => Promise<Duplex>;
  /** What the result says of the connection. */
  readonly facts: Pick<ConnectionReport, 'to' | 'transport' | 'security'>;
}

/**
 * Moves a guest to the receiver at the other end of a connection, and proves the run. It returns a report, whatever
 * happens to the migration once the guest runs. Before that it throws: RefusedError, ConnectionEnded, ProtocolError,
 * ContentsError when an image can't be used, or CrewError when the guest could not be started.
 */
export async function sendGuest(sending: Sending, options: SendOptions = {}): Promise<RunReport> {
  const { config, connection } = sending;
  const pool = new WorkerPool(threadsOfHalf(config));
  const guest = new SentGuest(sending, options, pool);
  try {
    await guest.prepare();
    return await guest.run();
  } finally {
    connection.close();
    const hasLeft = await guest.leave();
    await pool.destroy();
    // Memory on which a thread might still be at work is not used again.
    if (hasLeft) guest.giveBack();
  }
}

/** A guest that is sent to another process. */
class SentGuest {
  readonly #sending: Sending;
  readonly #options: SendOptions;
  readonly #patience: Patience;
  readonly #pool: WorkerPool;
  readonly #origin = monotonicOrigin();
  readonly #clock = monotonicClock(this.#origin);
  #phase: RunPhase = 'prepare';
  #plan: FullPlan | undefined;
  #side: SharedGuestSide | undefined;
  #half: Half<'source'> | undefined;
  #roundTripNs = 0;
  #prepareNs = 0;
  #startedNs = 0;
  #endedNs = 0;
  #rates: number[] | undefined;
  #source: SourceEnd | undefined;
  #destination: BodyOf<'ended'> | undefined;
  #parked: BodyOf<'parked'> | undefined;
  readonly #failure = new FirstFailure(this.#clock);
  #runsHere = false;
  /** Memory on which the run of a guest that has stayed was replayed. */
  #replayed: SharedGuestSide | undefined;
  /** The guest's accesses at the end, once another run may have its memory. */
  #finalAccesses: number | undefined;
  /** Why the guest was lost after it had moved. */
  #loss: Error | undefined;

  constructor(sending: Sending, options: SendOptions, pool: WorkerPool) {
    this.#sending = sending;
    this.#options = options;
    this.#patience = options.patience ?? PATIENCE;
    this.#pool = pool;
  }

  /** Has the receiver take the guest, fills the guest's memory and starts all threads on both sides. */
  async prepare(): Promise<void> {
    const { config, offered, id, connection, redial } = this.#sending;
    this.#enter('prepare');
    connection.onMessage = pongs(connection, this.#clock);
    const { handshakeMs, setUpMs, reconnectMs, silenceMs } = this.#patience;
    const secret = newSecret();
    const withinMs = redial ? Math.max(reconnectMs, recoveryMs(config) + 1000) : 0;
    const { survival } = await offer(
      connection,
      {
        versions: [...VERSIONS],
        id,
        needs: needsOf(config),
        ...offered,
        survival: { secret, withinMs, silenceMs },
      },
      this.#patience,
    );
    if (survival) {
      const reconnect = redial && { connection, id, secret, redial, attemptMs: handshakeMs };
      surviveLosses(connection, survival, this.#clock, () => this.#withinMs(), reconnect);
    }
    const { roundTripNs, windowBytes } = (await connection.expect(['compared'], handshakeMs)).body;
    this.#roundTripNs = roundTripNs;
    await this.#settle();
    const { link } = config;
    // The link itself delays frames now, by half a round trip as far as anybody knows.
    const measured = { ...config, link: { ...link, latencyNs: roundTripNs / 2 } };
    const bytes = ringBytesOf(windowBytes);
    const half = new Half<'source'>({
      role: 'source',
      config: measured,
      plan: this.#plan!,
      side: this.#side!,
      pool: this.#pool,
      clockOrigin: this.#origin,
      outgoingBytes: bytes,
      incomingBytes: bytes,
    });
    this.#half = half;
    await half.launch();
    half.attach(connection, windowBytes);
    await connection.expect(['ready'], setUpMs);
    this.#prepareNs = this.#clock.now();
    this.#options.onStart?.(() => this.look());
  }

  /** How long another connection may take now; a post-copy's engine gives up itself, as its scenario says, and first. */
  #withinMs(): number {
    const { reconnectMs } = this.#patience;
    return this.#half?.isPushing ? recoveryMs(this.#sending.config) + 1000 : reconnectMs;
  }

  async #settle(): Promise<void> {
    const { guest, seed } = this.#sending.config;
    const { plan, geometries } = planMemory(guest, seed);
    const side = createPlace(guest, plan, geometries(0));
    let doneBytes = 0;
    const tell = (bytes: number): void => {
      doneBytes += bytes;
      this.#options.onSetUp?.({ doneBytes, allBytes: guest.memoryBytes });
    };
    tell(0);
    await fillGuest(this.#pool, side, guest.contents, seed, {
      prefault: true,
      isUsed: false,
      onBytes: tell,
    });
    this.#plan = plan;
    this.#side = side;
  }

  /** Lets the guest live, move and live on; proves its run. */
  async run(): Promise<RunReport> {
    await this.#failure.attempt(() => this.#liveBefore());
    const { before, after } = aroundNs(this.#sending.config.migration.around);
    await this.#failure.attempt(() => this.#pass(before));
    await this.#failure.attempt(() => this.#migrate());
    await this.#failure.attempt(() => this.#pass(after));
    await this.#failure.attempt(() => this.#liveAfter());
    this.#stopMeasuring();
    if (!(await this.leave())) this.#failure.note(new CrewError('a thread does not leave'));
    let proof: Proof | undefined;
    await this.#failure.attempt(async () => void (proof = await this.#prove()));
    const report = this.#report(proof);
    this.#sayBye(report);
    await this.#sending.connection.flush(this.#patience.reconnectMs);
    return report;
  }

  /** Tells all threads to leave; resolves to false when one does not. */
  async leave(): Promise<boolean> {
    return (await this.#half?.leave()) ?? true;
  }

  /** Gives the guest's memory back to the pool. */
  giveBack(): void {
    this.#finalAccesses = this.#half?.timeline.accesses();
    if (this.#half) this.#half.giveBack();
    else if (this.#side) giveBackGuestSide(this.#side);
    if (this.#replayed) giveBackGuestSide(this.#replayed);
  }

  look(): LiveView {
    const half = this.#half!;
    return {
      phase: this.#phase,
      figures: half.words.figures(),
      pages: half.guest.memory.pages,
      accesses: this.#finalAccesses ?? half.timeline.accesses(),
      elapsedNs: this.#clock.now(),
    };
  }

  async #liveBefore(): Promise<void> {
    const half = this.#half!;
    const { startAfterNs } = this.#sending.config.migration;
    const { engine } = half.guest;
    engine.resume();
    await half.crew.until('the vCPUs start', () => engine.areAllRunning(), ANSWER_MS);
    this.#startedNs = this.#clock.now();
    half.timeline.start();
    this.#enter('before');
    await this.#pass(startAfterNs);
    if (startAfterNs > 0) this.#rates = achievedRates(half.guest, this.#plan!);
  }

  async #migrate(): Promise<void> {
    const half = this.#half!;
    const { connection } = this.#sending;
    const { signal } = this.#options;
    if (half.crew.failure) throw half.crew.failure;
    const cancel = (): void => {
      half.words.cancel();
      half.guest.doorbell.ring();
    };
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    this.#enter('migrate');
    try {
      this.#source = await half.migrate();
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
    // A receiver that is gone has said all that it will.
    const ended = connection
      .expect(['ended'], ANSWER_MS)
      .catch((error: unknown) => this.#unless(error));
    this.#destination = (await ended)?.body;
  }

  get #hasMoved(): boolean {
    return this.#source?.report.outcome === 'completed';
  }

  async #liveAfter(): Promise<void> {
    const { connection, config } = this.#sending;
    this.#enter('after');
    await this.#pass(config.migration.runAfterNs);
    this.#runsHere = areVcpusRunning(this.#half!.guest);
    if (!this.#hasMoved) {
      await this.#half!.park();
      return;
    }
    connection.send('park', {});
    try {
      this.#parked = (await connection.expect(['parked'], 2 * ANSWER_MS)).body;
    } catch (error) {
      this.#unless(error);
      this.#loss = error as Error;
    }
  }

  async #prove(): Promise<Proof | undefined> {
    const { config, connection } = this.#sending;
    if (this.#loss) return undefined;
    const { report, state } = this.#source!;
    if (config.verify !== 'off' && !report.guestLost) this.#enter('verify');
    const parked = this.#parked;
    const run = {
      config,
      plan: this.#plan!,
      sides: { source: this.#side!, destination: this.#hasMoved ? this.#side! : this.#canvas() },
      report,
      sentState: state,
      receivedState: parked?.loaded,
      zeroings: {
        source: this.#half!.vcpuEnds.flatMap(({ zeroings }) => zeroings),
        destination: parked?.zeroings ?? [],
      },
      ...(parked ? { moved: remoteGuest(connection, parked) } : {}),
    };
    const options = { clock: this.#clock, signal: this.#options.proofSignal };
    return proveRun(run, this.#pool, options).catch((cause: unknown) => {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new CrewError(`the proof was cut short: ${message}`, { cause });
    });
  }

  /** Returns memory on which the run of a guest that has stayed here is replayed. */
  #canvas(): SharedGuestSide {
    const { guest, seed } = this.#sending.config;
    this.#replayed = createPlace(guest, this.#plan!, planMemory(guest, seed).geometries(1));
    return this.#replayed;
  }

  #report(proof: Proof | undefined): RunReport {
    const { config, facts, id, connection } = this.#sending;
    const lost = connection.ended?.message;
    const { losses } = connection;
    return sentReport({
      config,
      plan: this.#plan!,
      half: this.#half!,
      outcome: this.#outcome(),
      rings: this.#source?.rings ?? [],
      ended: this.#destination,
      parked: this.#parked,
      rates: this.#rates,
      startedNs: this.#startedNs,
      endedNs: this.#endedNs,
      prepareNs: this.#prepareNs,
      connection: {
        ...facts,
        id,
        roundTripNs: this.#roundTripNs,
        ...(lost === undefined ? {} : { lost }),
        runsHere: this.#runsHere,
        ...(losses.length > 0 ? { losses } : {}),
      },
      proof,
    });
  }

  /** What became of the migration. */
  #outcome(): SourceReport {
    const report = this.#source?.report;
    const { error: failure, atNs } = this.#failure;
    if (failure) return failedRun(failure, this.#phase, this.#half!.words, atNs, report);
    const { ended } = this.#sending.connection;
    if (!this.#loss) return withCause(report!, ended);
    const error = `the guest had moved, but its receiver is gone: ${this.#loss.message}`;
    return { ...report!, outcome: 'failed', guestLost: true, error };
  }

  #sayBye({ source, proof }: RunReport): void {
    const verify = !proof ? 'none' : proof.ok ? 'ok' : 'differs';
    const sentence = source.error === undefined ? undefined : toldSentence(source.error);
    this.#sending.connection.send('bye', {
      outcome: source.outcome,
      verify,
      ...(sentence === undefined ? {} : { sentence }),
    });
  }

  #enter(phase: RunPhase): void {
    this.#phase = phase;
    this.#options.onPhase?.(phase, this.#pool);
  }

  #pass(ns: number): Promise<void> {
    const { signal } = this.#options;
    const { connection } = this.#sending;
    // A guest that has moved is lost with its receiver, so that there is nothing to wait for.
    const isEnough = (): boolean =>
      signal?.aborted === true || (this.#hasMoved && connection.ended !== undefined);
    return this.#half!.crew.pass(ns / 1e6, isEnough);
  }

  #stopMeasuring(): void {
    this.#half!.timeline.stop();
    this.#endedNs = this.#clock.now();
  }

  /** Does nothing about the end of the connection, which has consequences elsewhere; throws any other error on. */
  #unless(error: unknown): undefined {
    if (error instanceof ConnectionEnded || error instanceof ProtocolError) return undefined;
    throw error;
  }
}
