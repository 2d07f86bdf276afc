import type { WriterHandshake } from './writer.ts';
import { answerOf, requestGfnOf, requestOf, requestPagesOf } from './words.ts';

/** A vCPU wants to read a page that its gate keeps it from reading. */
export const ASK_READ = 1;
/** A vCPU wants to write a page that its gate keeps it from writing. */
export const ASK_WRITE = 2;
/** A vCPU gives pages to the host, whose contents nobody needs any more. */
export const ASK_SURRENDER = 3;
/** A vCPU has made its last access, and waits until its host has put all pages back. */
export const ASK_LEAVE = 4;

/** A request of a writer, as its host sees it. */
export interface HostRequest {
  readonly kind: number;
  readonly gfn: number;
  readonly pages: number;
}

/** The host of a guest does not answer any more. */
export class HostGoneError extends Error {
  override readonly name = 'HostGoneError';
}

/** No sleep is longer than this, so that a vCPU notices when the run is aborted. */
const LONGEST_SLEEP_MS = 100;

/**
 * A writer's side of its requests to an overcommitted host in another thread. A writer has one request at a time. It
 * stores what the request is about, then its kind, and then rings the host's doorbell; only the host sets the kind back
 * to 0, after the answer. So neither of the two can take the words of one request for those of another.
 *
 *   vCPU   gfn, pages → kind → ring the doorbell → wait while the kind is there → load the answer
 *   host   sequence → is there a kind? → gfn, pages → act → answer → kind = 0 → notify
 */
export class HostCaller {
  readonly #words: Int32Array;
  readonly #handshake: WriterHandshake;
  readonly #isAborted: () => boolean;

  /** The writer's handshake must ring the host's doorbell. */
  constructor(words: Int32Array, handshake: WriterHandshake, isAborted: () => boolean) {
    this.#words = words;
    this.#handshake = handshake;
    this.#isAborted = isAborted;
  }

  /**
   * Asks the host, and returns its answer. The writer is parked until then, so the host may take any page meanwhile, and
   * a page that the writer has looked at before must be looked at again. When the guest was paused meanwhile, this
   * returns after the pause, since the writer may be in the middle of what it does. Throws HostGoneError.
   */
  ask(kind: number, gfn = 0, pages = 1): number {
    const words = this.#words;
    const handshake = this.#handshake;
    const { writer } = handshake.local;
    const request = requestOf(writer);
    Atomics.store(words, requestGfnOf(writer), gfn);
    Atomics.store(words, requestPagesOf(writer), pages);
    Atomics.store(words, request, kind);
    handshake.ringDoorbell();
    let mayRun = true;
    while (Atomics.load(words, request) === kind) {
      this.#checkHost();
      mayRun = handshake.waitOn(request, kind, LONGEST_SLEEP_MS);
    }
    // A writer that has left makes no access any more, so it need not be let run.
    if (kind === ASK_LEAVE) return 0;
    while (!mayRun) {
      this.#checkHost();
      mayRun = handshake.waitParked(LONGEST_SLEEP_MS);
    }
    return Atomics.load(words, answerOf(writer));
  }

  #checkHost(): void {
    if (this.#isAborted())
      throw new HostGoneError('the host of the guest does not answer any more');
  }
}

/** Returns what a writer asks of its host; undefined when it asks nothing. */
export function requestBy(words: Int32Array, writer: number): HostRequest | undefined {
  const kind = Atomics.load(words, requestOf(writer));
  if (kind === 0) return undefined;
  const gfn = Atomics.load(words, requestGfnOf(writer));
  return { kind, gfn, pages: Atomics.load(words, requestPagesOf(writer)) };
}

/** Answers a writer's request, and wakes the writer. */
export function answerTo(words: Int32Array, writer: number, answer = 0): void {
  Atomics.store(words, answerOf(writer), answer);
  Atomics.store(words, requestOf(writer), 0);
  Atomics.notify(words, requestOf(writer));
}
