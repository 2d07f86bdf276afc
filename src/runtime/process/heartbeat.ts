/** What a heartbeat calls. */
export interface HeartbeatCalls {
  /** Gives a sign of life to the other process. */
  readonly beat: () => void;
  /** Called when the other process has given none for the time of silence. */
  readonly onSilence: () => void;
}

/** So many beats fit into the time of silence. */
const BEATS = 4;

/**
 * Finds out that the other end of a connection is gone though nobody has said so, as when a host loses its power or a
 * router forgets the connection: each side gives a sign of life every quarter of the time of silence.
 */
export class Heartbeat {
  readonly #timer: NodeJS.Timeout;
  /** Beats since the last sign of life of the other side. */
  #quietBeats = 0;

  constructor(silenceMs: number, { beat, onSilence }: HeartbeatCalls) {
    this.#timer = setInterval(
      () => {
        beat();
        // One beat more than fit, because bytes that have come may wait behind this timer.
        if (++this.#quietBeats > BEATS) onSilence();
      },
      Math.max(1, silenceMs / BEATS),
    );
  }

  /** Takes note of a sign of life. */
  heard(): void {
    this.#quietBeats = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
