import type { Socket } from 'node:net';
import type { Generator } from '../../../random/generator.ts';
import type { ConnectionFault, ConnectionTrouble } from './connection-fault.ts';

/** What a direction needs of its connection. */
export interface DirectionParts {
  readonly from: Socket;
  readonly to: Socket;
  /** The faults of this direction; they happen in the order of their bytes. */
  readonly faults: readonly ConnectionFault[];
  readonly random: Generator;
  /** Called with each fault when it is due. */
  readonly onFault: (happens: ConnectionTrouble) => void;
  /** Called when nothing more comes; `isClean` says whether the other end has closed the direction in order. */
  readonly onSourceEnd: (isClean: boolean) => void;
}

/** The longest piece that a slow direction passes on at once. */
const SLOW_PIECE = 4096;

/** One direction of a connection, which passes bytes on until a fault is due. */
export class FaultyDirection {
  readonly #parts: DirectionParts;
  readonly #faults: ConnectionFault[];
  #passed = 0;
  #gap = 0;
  #jitterMs = 0;
  #bytesPerSecond = Infinity;
  /** The last bytes that have passed, of which some may come again. */
  #recent: Buffer = Buffer.alloc(0);
  #isOver = false;

  constructor(parts: DirectionParts) {
    this.#parts = parts;
    this.#faults = parts.faults.toSorted((a, b) => a.afterBytes - b.afterBytes);
  }

  /** Passes bytes on until nothing more comes or a fault has ended the direction. */
  async pump(): Promise<void> {
    const { from, onSourceEnd } = this.#parts;
    try {
      for await (const chunk of from.iterator({ destroyOnReturn: false })) {
        await this.#take(chunk as Buffer);
        if (this.#isOver) return;
      }
      onSourceEnd(true);
    } catch {
      onSourceEnd(false);
    }
  }

  /** Passes a chunk on, in pieces that end where faults are due. */
  async #take(chunk: Buffer): Promise<void> {
    let at = 0;
    while (at < chunk.length && !this.#isOver) {
      const fault = this.#faults[0];
      const untilFault = fault ? Math.max(0, fault.afterBytes - this.#passed) : Infinity;
      if (fault && untilFault === 0) {
        this.#faults.shift();
        this.#parts.onFault(fault.happens);
        if (fault.happens.kind === 'flip') chunk[at]! ^= 1 << fault.happens.bit;
        else await this.#suffer(fault.happens);
        continue;
      }
      const most = this.#bytesPerSecond === Infinity ? Infinity : SLOW_PIECE;
      const to = Math.min(chunk.length, at + untilFault, at + most);
      await this.#pass(chunk.subarray(at, to));
      at = to;
    }
  }

  async #pass(piece: Buffer): Promise<void> {
    const { random, to } = this.#parts;
    this.#passed += piece.length;
    if (this.#jitterMs > 0) await sleep(random.below(this.#jitterMs + 1));
    if (this.#bytesPerSecond < Infinity) await sleep((piece.length / this.#bytesPerSecond) * 1000);
    const kept = piece.subarray(Math.min(this.#gap, piece.length));
    this.#gap -= piece.length - kept.length;
    if (kept.length === 0 || to.destroyed) return;
    this.#recent = Buffer.from(kept.subarray(-SLOW_PIECE));
    await written(to, kept);
  }

  async #suffer(happens: ConnectionTrouble): Promise<void> {
    const { to } = this.#parts;
    if (happens.kind === 'stall') await sleep(happens.forMs);
    else if (happens.kind === 'jitter') this.#jitterMs = happens.forMs;
    else if (happens.kind === 'rate') this.#bytesPerSecond = happens.bytesPerSecond;
    else if (happens.kind === 'gap') this.#gap = happens.bytes;
    else if (happens.kind === 'repeat') await written(to, this.#recent.subarray(-happens.bytes));
    else if (happens.kind === 'call') happens.act();
    else this.#isOver = true;
  }
}

const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });

/** Writes to a socket and waits until it takes more, or is closed. */
function written(to: Socket, bytes: Uint8Array): Promise<void> {
  if (to.destroyed || !to.writable || to.write(bytes)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      to.off('drain', done);
      to.off('close', done);
      resolve();
    };
    to.on('drain', done);
    to.on('close', done);
  });
}
