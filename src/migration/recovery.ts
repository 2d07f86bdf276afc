import { ConnectionLost } from '../link/link.ts';
import { type Frame, FRAME } from '../wire/frame.ts';
import { decodeRanges } from '../wire/ranges.ts';
import type { OpenPause } from './metrics.ts';
import type { Algorithm } from './ports.ts';
import type { PostcopyPush } from './postcopy-push.ts';
import type { HandedOver } from './source.ts';
import { MigrationEnded, type SourceSession } from './source-session.ts';

/**
 * Pushes pages until the destination has all of them, over as many connections as that takes. The loss of
 * a connection pauses post-copy (QEMU's state postcopy-paused); over the next one the destination says
 * which pages it has (postcopy-recover), and the push goes on with the others.
 */
export function* pushThrough(session: SourceSession, push: PostcopyPush): Algorithm<HandedOver> {
  const { clock, options } = session.side;
  let pause: OpenPause | undefined;
  for (;;) {
    try {
      if (pause) {
        pause.connectedNs = undefined;
        yield* awaitConnection(session);
        yield* new SourceRecovery(session, pause).run();
        pause = endPause(pause, clock.now());
        enterPhase(session, 'postcopy');
      }
      return yield* push.run();
    } catch (error) {
      const isRecovered = error instanceof ConnectionLost && options.recoverWithinNs !== undefined;
      if (!isRecovered) {
        if (pause) endPause(pause, clock.now());
        throw error;
      }
      push.restart();
      pause ??= beginPause(session, clock.now());
    }
  }
}

function beginPause(session: SourceSession, nowNs: number): OpenPause {
  const pause = { startNs: nowNs, endNs: nowNs, resentPages: 0 };
  session.metrics.postcopy.pauses.push(pause);
  return pause;
}

function endPause(pause: OpenPause, nowNs: number): undefined {
  pause.endNs = nowNs;
}

function enterPhase(session: SourceSession, phase: SourceSession['phase']): void {
  session.phase = phase;
  session.side.watch?.(session);
}

/** Waits for a new connection. A cancel does not end this wait, since each side has a part of the guest. */
function* awaitConnection(session: SourceSession): Algorithm<void> {
  const { link, clock, options, guest } = session.side;
  const withinNs = options.recoverWithinNs!;
  const untilNs = clock.now() + withinNs;
  enterPhase(session, 'postcopy-paused');
  while (!link.canReconnect()) {
    if ((yield { connection: true, untilNs }) !== 'time') continue;
    const left = `${session.unsent.count} of ${guest.memory.pages} pages had yet to be sent`;
    throw new MigrationEnded(
      'failed',
      `the link died and no new connection came within ${withinNs / 1e9} s: ${left}`,
    );
  }
  link.reconnect();
}

/**
 * Asks the destination over a new connection which pages it has; all others become unsent, among them
 * those that were lost with the old connection.
 */
export class SourceRecovery {
  readonly #session: SourceSession;
  readonly #pause: OpenPause;
  /** Every page below this gfn is known to be present or absent. */
  #knownTo = 0;
  #presentPages = 0;

  constructor(session: SourceSession, pause: OpenPause) {
    this.#session = session;
    this.#pause = pause;
  }

  *run(): Algorithm<void> {
    const session = this.#session;
    this.#pause.connectedNs = session.side.clock.now();
    enterPhase(session, 'postcopy-recover');
    yield* session.send({ name: 'resume', body: {} });
    for (;;) {
      const frame = session.side.link.poll();
      if (!frame) yield* session.wait({ frame: true });
      else if (frame.type === FRAME.received) this.#takeReceived(frame);
      else if (this.#isOver(frame)) return;
    }
  }

  #takeReceived(frame: Frame): void {
    const { memory } = this.#session.side.guest;
    this.#session.hasPeerRun = true;
    decodeRanges(frame, memory.pages, (gfn, pages) => {
      if (gfn < this.#knownTo) this.#fail('names pages that are not in ascending order');
      this.markLost(this.#knownTo, gfn - this.#knownTo);
      this.#session.unsent.dropRun(gfn, pages);
      this.#knownTo = gfn + pages;
      this.#presentPages += pages;
    });
  }

  #isOver(frame: Frame): boolean {
    const message = this.#session.read(frame);
    if (!message) return false;
    if (message.name !== 'resumed') this.#fail(`sent ${message.name} out of turn`);
    else if (message.body.presentPages !== this.#presentPages) {
      this.#fail(
        `says that it has ${message.body.presentPages} pages, and names ${this.#presentPages}`,
      );
    }
    this.#session.hasPeerRun = true;
    this.markLost(this.#knownTo, this.#session.side.guest.memory.pages - this.#knownTo);
    return true;
  }

  /** Makes pages unsent that the destination does not have, and counts those that had been sent. */
  markLost(gfn: number, pages: number): void {
    const { unsent } = this.#session;
    const before = unsent.count;
    unsent.addRun(gfn, pages);
    this.#pause.resentPages += unsent.count - before;
  }

  #fail(what: string): never {
    throw new MigrationEnded('failed', `the destination ${what}`);
  }
}
