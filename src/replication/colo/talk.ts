import type { Algorithm, WaitRequest } from '../../migration/ports.ts';
import { encodeEpoch, type EpochMessage, packEpoch } from '../../wire/epochs.ts';
import { HEADER_BYTES } from '../../wire/frame.ts';
import type { FrameBuilder, TalkKind, TalkSide } from './ports.ts';

/** A side that cannot say that it is alive, because the link has no room, tries again after this time. */
const LEAST_WAIT_NS = 1e6;

/** The error of a side that has heard nothing of the other one for too long. */
export class PeerSilent extends Error {
  override readonly name = 'PeerSilent';
}

/** How a half waits while the link has no room. */
type Wait = (request: Pick<WaitRequest, 'credit'>) => Algorithm<unknown>;

/** One side's end of the talk between two hosts that may die: it posts frames, and notices silence. */
export class Talk {
  heardNs = 0;
  /** The bytes of all frames posted here since it was last set to 0; heartbeats included. */
  bytes = 0;
  /** Whether the other side listens to heartbeats, which a source does not during its pre-copy. */
  isHeard = false;
  #toldNs = -Infinity;
  readonly #side: TalkSide;
  readonly #wait: Wait;

  constructor(side: TalkSide, wait: Wait) {
    this.#side = side;
    this.#wait = wait;
  }

  /** When the other side will have been silent for too long. */
  get silentNs(): number {
    return this.heardNs + this.#side.silenceNs;
  }

  /** When this side has to look again whether it must say that it is alive, or the other one is silent. */
  dueNs(): number {
    const { clock, heartbeatNs } = this.#side;
    const aliveNs = Math.max(this.#toldNs + heartbeatNs, clock.now() + LEAST_WAIT_NS);
    return Math.min(this.silentNs, this.isHeard ? aliveNs : Infinity);
  }

  /** Throws PeerSilent when the other side has been silent for too long; says that this one is alive when that is due. */
  tend(): void {
    const { clock, silenceNs, heartbeatNs, peer } = this.#side;
    if (clock.now() >= this.silentNs) {
      throw new PeerSilent(`the ${peer} has been silent for ${silenceNs / 1e9} s`);
    }
    if (!this.isHeard || clock.now() < this.#toldNs + heartbeatNs) return;
    const packed = packEpoch({ name: 'heartbeat', body: {} });
    this.tryPost(packed.length + HEADER_BYTES, 'control', ({ memory, at, sequence }) =>
      encodeEpoch(memory, at, 'heartbeat', packed, sequence),
    );
  }

  /** Posts a frame of at most `bytes` if the link has room for it; returns whether it had. */
  tryPost(bytes: number, kind: TalkKind, build: FrameBuilder): boolean {
    const { link, clock } = this.#side;
    const room = link.room(bytes, kind);
    if (!room) return false;
    const length = build(room);
    link.post(length);
    this.bytes += length;
    this.#toldNs = clock.now();
    return true;
  }

  /** Posts a frame of at most `bytes`, as soon as the link has room for it. */
  *post(bytes: number, kind: TalkKind, build: FrameBuilder): Algorithm<void> {
    while (!this.tryPost(bytes, kind, build)) yield* this.#wait({ credit: kind });
  }

  *tell(message: EpochMessage): Algorithm<void> {
    const packed = packEpoch(message).slice();
    yield* this.post(packed.length + HEADER_BYTES, 'control', ({ memory, at, sequence }) =>
      encodeEpoch(memory, at, message.name, packed, sequence),
    );
  }
}
