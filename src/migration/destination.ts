import { type ControlMessage, decodeControl, encodeControl, packControl } from '../wire/control.ts';
import {
  type Frame,
  FRAME,
  frameName,
  HEADER_BYTES,
  isOptional,
  WireError,
} from '../wire/frame.ts';
import { installPages, type Integrity } from '../wire/pages.ts';
import type { Algorithm, DestinationGuest, Side } from './ports.ts';

/** A source that sends nothing for this long is gone. */
const SILENCE_NS = 120e9;

export interface DestinationSide extends Side {
  readonly guest: DestinationGuest;
}

export interface DestinationReport {
  readonly outcome: 'completed' | 'cancelled' | 'failed';
  readonly error?: string;
  readonly rawPages: number;
  readonly zeroPages: number;
}

/** Where the destination stands; docs/wire.md has the table of what it takes when. */
type State = 'expectHello' | 'receiving' | 'expectState' | 'expectRun';

const EXPECTED: Readonly<Record<State, readonly number[]>> = {
  expectHello: [FRAME.hello, FRAME.cancel],
  receiving: [FRAME.pages, FRAME.switchover, FRAME.cancel],
  expectState: [FRAME.state, FRAME.cancel],
  expectRun: [FRAME.run, FRAME.cancel],
};

/**
 * The destination's half of every algorithm that stops the guest before it moves: install what
 * comes, load the state, run the guest, say so. A stream that is not as it should be ends it with
 * FAILED, and the guest does not run here.
 */
export function* destination(side: DestinationSide): Algorithm<DestinationReport> {
  const session = new DestinationSession(side);
  try {
    const isRunning = yield* session.serve();
    return session.report(isRunning ? 'completed' : 'cancelled');
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    yield* session.send({ name: 'failed', body: { message: error.message.slice(0, 4096) } });
    return session.report('failed', error.message);
  }
}

class DestinationSession {
  readonly #side: DestinationSide;
  #state: State = 'expectHello';
  #integrity: Integrity = 'full';
  #rawPages = 0;
  #zeroPages = 0;
  #pagesNs = 0;
  #stateNs = 0;

  constructor(side: DestinationSide) {
    this.#side = side;
  }

  report(outcome: DestinationReport['outcome'], error?: string): DestinationReport {
    const pages = { rawPages: this.#rawPages, zeroPages: this.#zeroPages };
    return { outcome, ...pages, ...(error === undefined ? {} : { error }) };
  }

  /** Takes frames until the guest runs here (true) or the source calls it off (false). */
  *serve(): Algorithm<boolean> {
    for (;;) {
      const frame = yield* this.#nextFrame();
      if (frame.type === FRAME.pages) {
        const counts = installPages(frame, this.#side.guest.slot, this.#integrity);
        this.#rawPages += counts.rawPages;
        this.#zeroPages += counts.zeroPages;
        continue;
      }
      const message = decodeControl(frame);
      if (message.name === 'cancel') return false;
      if (message.name === 'run') {
        yield* this.#run();
        return true;
      }
      yield* this.#take(message);
    }
  }

  *#take(message: ControlMessage): Algorithm<void> {
    const { guest, clock } = this.#side;
    if (message.name === 'hello') {
      this.#checkHello(message.body);
      this.#integrity = message.body.integrity;
      this.#state = 'receiving';
      yield* this.send({ name: 'welcome', body: {} });
    } else if (message.name === 'switchover') {
      this.#pagesNs = clock.now();
      this.#state = 'expectState';
    } else if (message.name === 'state') {
      const mismatch = guest.load(message.body.vcpus);
      if (mismatch) throw new WireError(`the vCPUs' state does not fit: ${mismatch}`);
      this.#stateNs = clock.now();
      this.#state = 'expectRun';
    }
  }

  #checkHello(hello: { pages: number; pageSize: number; vcpus: number }): void {
    const { guest } = this.#side;
    const { pages, pageSize } = guest.slot.layout;
    const isSame =
      hello.pages === pages && hello.pageSize === pageSize && hello.vcpus === guest.vcpus;
    if (isSame) return;
    throw new WireError(
      `the source's guest (${hello.pages} pages of ${hello.pageSize}, ${hello.vcpus} vCPUs) ` +
        `is not the one prepared here (${pages} pages of ${pageSize}, ${guest.vcpus} vCPUs)`,
    );
  }

  *#run(): Algorithm<void> {
    const { guest, clock } = this.#side;
    guest.run();
    const untilNs = clock.now() + SILENCE_NS;
    while (!guest.isSettled()) {
      if ((yield { guest: true, untilNs }) === 'time') throw new Error('a vCPU does not start');
    }
    yield* this.send({
      name: 'running',
      body: {
        pagesNs: this.#pagesNs,
        stateNs: this.#stateNs,
        runningNs: guest.runningSinceNs(),
      },
    });
  }

  *#nextFrame(): Algorithm<Frame> {
    const { link, clock } = this.#side;
    const untilNs = clock.now() + SILENCE_NS;
    for (;;) {
      const frame = link.poll();
      if (!frame) {
        const wake = yield { frame: true, untilNs };
        if (wake === 'time') throw new WireError(`the source is silent for ${SILENCE_NS / 1e9} s`);
        continue;
      }
      if (EXPECTED[this.#state].includes(frame.type)) return frame;
      if (isOptional(frame)) continue;
      throw new WireError(`frame ${frame.sequence}: ${frameName(frame.type)} out of turn`);
    }
  }

  *send(message: ControlMessage): Algorithm<void> {
    const { link, clock } = this.#side;
    const packed = packControl(message);
    const untilNs = clock.now() + SILENCE_NS;
    let room = link.room(packed.length + HEADER_BYTES, 'control');
    while (!room) {
      if ((yield { credit: 'control', untilNs }) === 'time') return;
      room = link.room(packed.length + HEADER_BYTES, 'control');
    }
    link.post(encodeControl(room.memory, room.at, message.name, packed, room.sequence));
  }
}
