import type { Clock } from '../../clock/clock.ts';
import type { Doorbell } from '../../memory/doorbell.ts';
import type { Transfer } from '../common/stage.ts';
import type { AsyncDoorbell } from './async-doorbell.ts';
import { FrameSender, FrameTaker } from './frame-pumps.ts';
import { ProtocolError } from './messages.ts';

/** An engine's end of a transfer, whose frames a connection carries. */
export interface FrameEnd {
  /** The rings that the engine sends to and receives from. */
  readonly outgoing: Transfer['forward'];
  readonly incoming: Transfer['forward'];
  /** The engine's own doorbell, and the one that it rings when it has sent a frame or made room for one. */
  readonly engine: Doorbell;
  readonly bell: AsyncDoorbell;
  readonly clock: Clock;
  readonly windowBytes: number;
  /** Called once when the connection ends, or when the other process has said that no frame follows. */
  readonly onLastFrame: () => void;
  /** How frames begin anew after a loss; without it, those under way always come over the next stream. */
  readonly renewal?: FrameRenewal;
}

/** The engines of a post-copy find out themselves what is missing after a loss, so that frames can begin anew. */
export interface FrameRenewal {
  /** Whether the engine does that now. */
  readonly isWanted: () => boolean;
  /** Tells the engine that all frames under way are lost. */
  readonly cut: () => void;
  /** Empties the rings; returns whether the engine has let go of them, so that it could. */
  readonly restore: () => boolean;
}

/** What a carriage needs of its connection. */
export interface CarriageOutlet {
  /** Sends a frame; `done` is called once its bytes may be overwritten. */
  frame(bytes: Uint8Array, done: () => void): void;
  credit(bytes: number): void;
  /** Sends START. */
  start(helloAtNs: number): void;
  /** Says that no frame follows. */
  close(): void;
  /** Forgets frames that are kept for the next stream. */
  forgetFrames(): void;
  /** Whether there is a stream now. */
  stands(): boolean;
}

/** No sleep is longer than this, so that a lost wake-up can't hang a migration. */
const LONGEST_SLEEP_MS = 100;
/** The engine does not ring when it lets go of its rings. */
const SHORT_SLEEP_MS = 1;

/** Moves frames between the rings of an engine and a connection, which may lose its stream and get another one. */
export class Carriage {
  readonly #end: FrameEnd;
  readonly #outlet: CarriageOutlet;
  readonly #isReceiver: boolean;
  #sender: FrameSender;
  #taker: FrameTaker;
  /** Whether frames may come: after START. */
  #mayTake = false;
  #hasAllFrames = false;
  #isAfresh = false;
  /** Whether the engine has ended, so that nobody takes what still comes out of the ring. */
  #hasEnded = false;
  #isOver = false;
  #onSent: (() => void) | undefined;

  constructor(end: FrameEnd, outlet: CarriageOutlet, isReceiver: boolean) {
    this.#end = end;
    this.#outlet = outlet;
    this.#isReceiver = isReceiver;
    this.#sender = this.#newSender();
    this.#taker = this.#newTaker();
  }

  #newSender(): FrameSender {
    const { outgoing, engine, windowBytes } = this.#end;
    const outlet = this.#outlet;
    return new FrameSender(outgoing, engine, windowBytes, {
      write: (bytes, done) => outlet.frame(bytes, done),
      begin: (helloAtNs) => this.#begin(helloAtNs),
      end: () => this.#close(),
    });
  }

  #newTaker(): FrameTaker {
    const { incoming, engine, clock, windowBytes } = this.#end;
    return new FrameTaker(incoming, engine, clock, windowBytes, (bytes) =>
      this.#outlet.credit(bytes),
    );
  }

  /** The sender says START before its first frame; from then on the receiver's frames are in turn, too. */
  #begin(helloAtNs: number): void {
    if (this.#isReceiver || this.#mayTake) return;
    this.#mayTake = true;
    this.#outlet.start(helloAtNs);
  }

  /** Takes note of START. Throws ProtocolError when it is not due. */
  started(helloAtNs: number): void {
    if (this.#mayTake || this.#hasAllFrames)
      throw new ProtocolError('it sent START before its turn');
    this.#taker.anchor(helloAtNs);
    this.#mayTake = true;
  }

  /** Returns room for a frame, or undefined while there is none. Throws ProtocolError for a frame out of turn. */
  room(length: number): Uint8Array | undefined {
    if (!this.#mayTake || this.#hasAllFrames) {
      throw new ProtocolError('it sent a frame out of turn');
    }
    if (this.#hasEnded) return new Uint8Array(length);
    // Frames that begin anew wait until the rings are empty.
    return this.#isAfresh ? undefined : this.#taker.room(length);
  }

  /** Gives the frame in the last room to the engine. */
  commit(length: number): void {
    if (!this.#hasEnded) this.#taker.commit(length);
  }

  /** Takes note of how much the other process has taken. Throws ProtocolError. */
  credit(bytes: number): void {
    if (!this.#isAfresh) this.#sender.credit(bytes);
  }

  /** Tells the engine that the receiver has not run the guest and never will. */
  refuse(reason: string): void {
    if (!this.#isAfresh && !this.#hasAllFrames) this.#taker.refuse(reason);
  }

  /** Takes note that no frame follows. */
  noMoreFrames(): void {
    if (this.#hasAllFrames) return;
    this.#hasAllFrames = true;
    this.#end.onLastFrame();
  }

  /** Says that no frame follows once all have been sent; resolves then, or when all is over. */
  endFrames(): Promise<void> {
    this.#hasEnded = true;
    if (this.#isOver) return Promise.resolve();
    const sent = new Promise<void>((resolve) => void (this.#onSent = resolve));
    // An engine that has ended without letting go of its rings has nothing to send.
    if (this.#isAfresh) this.#close();
    else this.#sender.end();
    this.#end.bell.ring();
    return sent;
  }

  #close(): void {
    this.#outlet.close();
    this.#onSent?.();
  }

  /** Whether frames begin anew with the next stream, or do so now. */
  get isAfresh(): boolean {
    return this.#isAfresh;
  }

  /** Has frames begin anew with the next stream: those under way are lost, and the engines find out what is missing. */
  beginAfresh(): void {
    const { renewal } = this.#end;
    if (!renewal) return;
    this.#isAfresh = true;
    this.#sender.stop();
    this.#outlet.forgetFrames();
    renewal.cut();
  }

  /** Takes note that the stream is lost. */
  lost(): void {
    if (this.#end.renewal?.isWanted() === true) this.beginAfresh();
  }

  /** Takes note that there is a new stream. */
  back(): void {
    if (!this.#isAfresh) this.#taker.tellAgain();
    this.#end.bell.ring();
  }

  /** Moves frames whenever the engine rings, until all is over; `takeRest` takes what there was no room for. */
  async run(takeRest: () => void): Promise<void> {
    const { bell } = this.#end;
    while (!this.#isOver) {
      const sequence = bell.sequence();
      this.#renew();
      if (!this.#isAfresh) this.#sender.pump();
      takeRest();
      if (!this.#isAfresh) this.#taker.pump();
      await bell.wait(sequence, this.#isAfresh ? SHORT_SLEEP_MS : LONGEST_SLEEP_MS);
    }
  }

  /** Lets frames begin anew once there is a stream and the engine has let go of the old ones. */
  #renew(): void {
    if (!this.#isAfresh || !this.#outlet.stands() || !this.#end.renewal!.restore()) return;
    this.#isAfresh = false;
    this.#sender = this.#newSender();
    this.#taker = this.#newTaker();
  }

  /** Ends all. */
  stop(): void {
    this.#isOver = true;
    this.#sender.stop();
    this.noMoreFrames();
    this.#end.bell.ring();
    this.#onSent?.();
  }
}
