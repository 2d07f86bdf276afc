import { ConnectionLost } from '../link/link.ts';
import { type Frame, FRAME } from '../wire/frame.ts';
import { decodeRanges } from '../wire/ranges.ts';
import type { OpenPause } from './metrics.ts';
import type { Algorithm } from './ports.ts';
import type { PostcopyPush } from './postcopy-push.ts';
import type { HandedOver } from './source.ts';
import { MigrationEnded, type SourceSession } from './source-session.ts';

/**
 * Pushes until the guest is whole at the destination, over as many connections as it takes. A
 * connection that is lost pauses the post-copy (QEMU: postcopy-paused); over the next one the
 * destination says what it has, and the push goes on with the rest (postcopy-recover).
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
        pause = over(pause, clock.now());
        enter(session, 'postcopy');
      }
      return yield* push.run();
    } catch (error) {
      const isRecovered = error instanceof ConnectionLost && options.recoverWithinNs !== undefined;
      if (!isRecovered) {
        if (pause) over(pause, clock.now());
        throw error;
      }
      push.restart();
      pause ??= begin(session, clock.now());
    }
  }
}

function begin(session: SourceSession, nowNs: number): OpenPause {
  const pause = { startNs: nowNs, endNs: nowNs, resentPages: 0 };
  session.metrics.postcopy.pauses.push(pause);
  return pause;
}

function over(pause: OpenPause, nowNs: number): undefined {
  pause.endNs = nowNs;
}

function enter(session: SourceSession, phase: SourceSession['phase']): void {
  session.phase = phase;
  session.side.watch?.(session);
}

/** Nobody can call it off now: half of the guest is there, and half is here. */
function* awaitConnection(session: SourceSession): Algorithm<void> {
  const { link, clock, options, guest } = session.side;
  const withinNs = options.recoverWithinNs!;
  const untilNs = clock.now() + withinNs;
  enter(session, 'postcopy-paused');
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
 * Asks what has arrived. Unsent is then what the destination does not have: with what was under way
 * when the connection was lost, and without what came after all.
 */
export class SourceRecovery {
  readonly #session: SourceSession;
  readonly #pause: OpenPause;
  /** Every page below has been told of. */
  #toldTo = 0;
  #presentPages = 0;

  constructor(session: SourceSession, pause: OpenPause) {
    this.#session = session;
    this.#pause = pause;
  }

  *run(): Algorithm<void> {
    const session = this.#session;
    this.#pause.connectedNs = session.side.clock.now();
    enter(session, 'postcopy-recover');
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
      if (gfn < this.#toldTo) this.#fail('names pages that are not in ascending order');
      this.markLost(this.#toldTo, gfn - this.#toldTo);
      this.#session.unsent.dropRun(gfn, pages);
      this.#toldTo = gfn + pages;
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
    this.markLost(this.#toldTo, this.#session.side.guest.memory.pages - this.#toldTo);
    return true;
  }

  /** Pages that the destination does not have are unsent, whatever has been sent. */
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
