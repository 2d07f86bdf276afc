import type { Clock } from '../clock/clock.ts';
import type { VcpuState } from '../guest/vcpu-state.ts';
import type { Algorithm, SourceGuest } from '../migration/ports.ts';
import type { SourceReport } from '../migration/source.ts';
import type { Capture } from '../replication/capture.ts';
import { BATCH_BYTES } from '../wire/limits.ts';
import { SnapshotError } from './file-port.ts';
import type { FileLink } from './file-link.ts';

/** How a save ended; times are on its clock. */
export type SaveEnd = Pick<
  SourceReport,
  'outcome' | 'error' | 'guestLost' | 'startNs' | 'endNs' | 'stop' | 'rounds'
>;

/** How a background save ended. */
export interface BackgroundEnd extends SaveEnd {
  /** When the vCPUs had been asked to go on; absent if they were never paused. */
  readonly resumedNs?: number;
  /** How many pages were copied because the guest was about to write them. */
  readonly copiedPages: number;
}

export interface BackgroundSide {
  readonly clock: Clock;
  readonly guest: SourceGuest;
  readonly link: FileLink;
  /** What keeps pages as they were when it took them: copy-on-write. */
  readonly capture: Capture;
  /** Called before pages are read; on a virtual clock it brings the guest to the present. */
  readonly beforeRead: () => void;
  /** Called as the save goes on, with how many pages have yet to be written. */
  readonly watch?: (pagesLeft: number) => void;
  readonly timeoutNs: number;
  readonly maxBytesPerSecond: number;
}

/** How long the vCPUs may take to answer. */
const PATIENCE_NS = 30e9;

/** A background save was given up, by a person or by the clock. */
class GivenUp extends Error {
  readonly outcome: 'cancelled' | 'diverged' | 'failed';

  constructor(outcome: 'cancelled' | 'diverged' | 'failed', message: string) {
    super(message);
    this.outcome = outcome;
  }
}

/**
 * Saves a guest that runs on, as QEMU's `background-snapshot` does: the guest is paused for a moment, in which all of
 * its pages are protected and the state of its vCPUs is saved; then its pages are written one after another, and those
 * that it is about to write are copied before. So the file is the guest as it was at that moment. If the file can't be
 * written the guest runs on in any case.
 */
export function* backgroundSave(side: BackgroundSide): Algorithm<BackgroundEnd> {
  const save = new BackgroundSave(side);
  try {
    const state = yield* save.capture();
    yield* save.write();
    side.link.complete(state);
    return save.end({ outcome: 'completed' });
  } catch (error) {
    if (!(error instanceof SnapshotError || error instanceof GivenUp)) throw error;
    side.capture.abandon();
    yield* save.resume();
    const outcome = error instanceof GivenUp ? error.outcome : 'failed';
    return save.end({ outcome, error: error.message });
  }
}

class BackgroundSave {
  readonly #side: BackgroundSide;
  readonly #startNs: number;
  readonly #stop: { pauseAskedNs?: number; pausedNs?: number } = {};
  #isPaused = false;
  #resumedNs: number | undefined;

  constructor(side: BackgroundSide) {
    this.#side = side;
    this.#startNs = side.clock.now();
  }

  /** Pauses the guest, has its pages captured, and lets it go on. */
  *capture(): Algorithm<VcpuState[]> {
    const { guest, clock, capture, beforeRead } = this.#side;
    this.#stop.pauseAskedNs = clock.now();
    this.#isPaused = true;
    guest.pause();
    yield* this.#settled();
    this.#stop.pausedNs = clock.now();
    beforeRead();
    const state = guest.vcpuState();
    const log = guest.openLog();
    log.pages.addAll();
    capture.take(log.pages);
    log.close();
    yield* this.resume();
    return state;
  }

  /** Lets the guest go on, if it is paused. */
  *resume(): Algorithm<void> {
    if (!this.#isPaused) return;
    const { guest, clock } = this.#side;
    this.#isPaused = false;
    guest.resume();
    this.#resumedNs = clock.now();
    yield* this.#settled();
  }

  /** Writes all captured pages. */
  *write(): Algorithm<void> {
    const { link, capture, guest, clock, beforeRead, watch } = this.#side;
    const { pageSize } = guest.memory;
    const most = Math.max(1, Math.floor(BATCH_BYTES / pageSize));
    link.limit(this.#side.maxBytesPerSecond);
    const deadlineNs = this.#startNs + this.#side.timeoutNs;
    while (capture.left > 0) {
      const wake = yield { credit: 'pages', untilNs: deadlineNs, cancel: true };
      if (wake === 'cancel') throw new GivenUp('cancelled', 'cancelled');
      if (clock.now() >= deadlineNs) {
        const seconds = this.#side.timeoutNs / 1e9;
        throw new GivenUp('diverged', `not completed within the timeout of ${seconds} s`);
      }
      if (wake !== 'credit') continue;
      beforeRead();
      link.write(capture.next(most));
      watch?.(capture.left);
    }
  }

  *#settled(): Algorithm<void> {
    const { guest, clock } = this.#side;
    const untilNs = clock.now() + PATIENCE_NS;
    while (!guest.isSettled()) {
      if ((yield { guest: true, untilNs }) === 'time') {
        throw new GivenUp('failed', `a vCPU did not answer for ${PATIENCE_NS / 1e9} s`);
      }
    }
  }

  end(how: Pick<SaveEnd, 'outcome' | 'error'>): BackgroundEnd {
    const resumedNs = this.#resumedNs;
    return {
      ...how,
      guestLost: false,
      startNs: this.#startNs,
      endNs: Math.max(this.#side.clock.now(), this.#side.link.drainedAtNs),
      stop: this.#stop,
      rounds: [],
      ...(resumedNs === undefined ? {} : { resumedNs }),
      copiedPages: this.#side.capture.savedPages,
    };
  }
}
