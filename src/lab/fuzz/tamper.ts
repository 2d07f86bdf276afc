import type { Generator } from '../../random/generator.ts';
import { decodeControl } from '../../wire/control.ts';
import {
  carriesPages,
  type Frame,
  FRAME,
  frameName,
  HEADER_BYTES,
  WireError,
} from '../../wire/frame.ts';
import { controlFrame, cutOff, disfigure, forge, misplace } from './forgery.ts';
import type { Delivery } from './delivery.ts';
import { type Arrival, type Tamperer, typeOf } from './tampered-link.ts';

/**
 * What is done to the frames of one direction. `damage`: they come as a broken link may deliver them, with the numbers
 * that they were sent with. `order`: they are dropped, repeated, reordered, cut off, and old ones come again, with
 * numbers and CRCs that fit. `forge`: they are changed and invented as well. `lie`: a destination that has run the
 * guest says that it has not.
 */
export type TamperKind = 'damage' | 'order' | 'forge' | 'lie';

export interface TamperPlan {
  readonly kind: TamperKind;
  /** The end at which they arrive: `near` is the source, `far` the destination. */
  readonly end: 'near' | 'far';
  /** One frame in so many is tampered with. */
  readonly oneIn: number;
  /** The first connection whose frames are tampered with; 1 is the one after the first loss. */
  readonly fromConnection: number;
  /** The types of frames that are tampered with: all, all but pages, or those of a recovery. */
  readonly among: 'all' | 'messages' | 'recovery' | 'pages';
  /** So many times at most. */
  readonly most: number;
  /** With it, the payload of pages is protected by sums. */
  readonly hasSums: boolean;
  /** The number of the guest's pages, in all and in each memslot. */
  readonly pages: number;
  readonly slots: readonly number[];
}

type Operation =
  'drop' | 'repeat' | 'swap' | 'shuffle' | 'replay' | 'cut' | 'flip' | 'forge' | 'disfigure';

const OPERATIONS: Readonly<Record<Exclude<TamperKind, 'lie'>, readonly Operation[]>> = {
  damage: ['flip', 'flip', 'flip', 'cut', 'drop', 'repeat', 'swap', 'replay'],
  order: ['drop', 'repeat', 'swap', 'shuffle', 'replay', 'replay', 'cut'],
  forge: ['forge', 'forge', 'disfigure', 'disfigure', 'replay', 'cut', 'drop'],
};
const RECOVERY: ReadonlySet<number> = new Set([FRAME.resume, FRAME.received, FRAME.resumed]);
const IS_AMONG: Readonly<Record<TamperPlan['among'], (type: number) => boolean>> = {
  all: () => true,
  messages: (type) => !carriesPages({ type }),
  recovery: (type) => RECOVERY.has(type),
  pages: (type) => carriesPages({ type }),
};
const MOST_HISTORY = 200;
/** By these a destination shows that it has run the guest. */
const EVIDENCE: readonly number[] = [FRAME.running, FRAME.request, FRAME.received, FRAME.resumed];

/** Tampers with the frames of one direction; what it does follows from its plan and its generator. */
export class StreamTamperer implements Tamperer {
  readonly plan: TamperPlan;
  /** Whether every byte must arrive, if the migration completes. */
  keepsBytes = true;
  /** What has been done to frames of which type, in order. */
  readonly done: string[] = [];
  /** Whether frames from before a loss of the connection have come again after it. */
  replaysEarlier = 0;
  /** Whether the receiver, a source, has been shown after RUN that the guest has run at the destination. */
  hasEvidence = false;
  /** Whether the receiver, a source, has been told after RUN that the destination has failed. */
  hasFailed = false;
  readonly #random: Generator;
  readonly #history: Arrival[] = [];
  #held: Arrival[] = [];
  #mostHeld = 0;
  /** The type of frame after which a destination lies, and whether it has. */
  readonly #liesAfter: number;
  #hasShown = false;

  constructor(plan: TamperPlan, random: Generator) {
    this.plan = plan;
    this.#random = random;
    if (plan.kind === 'forge') this.keepsBytes = false;
    this.#liesAfter = EVIDENCE[random.below(EVIDENCE.length)]!;
  }

  tamper(arrival: Arrival): readonly Delivery[] {
    if (this.plan.kind === 'lie') return this.#lie(arrival);
    this.#history.push(arrival);
    if (this.#history.length > MOST_HISTORY) this.#history.shift();
    if (this.#held.length > 0) return this.#hold(arrival);
    if (!this.#isDue(arrival)) return [this.#asIs(arrival.bytes)];
    const operations = OPERATIONS[this.plan.kind];
    return this.#apply(operations[this.#random.below(operations.length)]!, arrival);
  }

  delivered(frame: Frame, isAfterRun: boolean): void {
    if (!isAfterRun || this.plan.end === 'far') return;
    const isFailed = frame.type === FRAME.failed;
    if (EVIDENCE.includes(frame.type) || (isFailed && saysRan(frame))) this.hasEvidence = true;
    if (isFailed) this.hasFailed = true;
  }

  #isDue({ connection, type }: Arrival): boolean {
    const { fromConnection, oneIn, among, most } = this.plan;
    if (connection < fromConnection || this.done.length >= most) return false;
    if (!IS_AMONG[among](type)) return false;
    return this.#random.below(oneIn) === 0;
  }

  #apply(operation: Operation, arrival: Arrival): readonly Delivery[] {
    const { bytes } = arrival;
    const random = this.#random;
    this.#note(operation, arrival);
    switch (operation) {
      case 'drop':
        return [];
      case 'repeat':
        return [this.#asIs(bytes), this.#asIs(bytes)];
      case 'swap':
      case 'shuffle':
        this.#mostHeld = operation === 'swap' ? 2 : 3 + random.below(4);
        return this.#hold(arrival);
      case 'replay':
        return this.#replay(arrival);
      case 'cut':
        return [this.#asIs(this.#isSealed ? cutOff(random, bytes) : this.#cut(bytes))];
      case 'flip':
        return [this.#asIs(this.#flip(arrival))];
      case 'forge':
        return this.#invent(arrival);
      default:
        return [this.#asIs(this.#disfigure(arrival))];
    }
  }

  /** Keeps a frame for later; when there are enough, delivers all of them in another order. */
  #hold(arrival: Arrival): readonly Delivery[] {
    if (this.#held[0] && this.#held[0].connection !== arrival.connection) this.#held = [];
    this.#held.push(arrival);
    this.#spoil(arrival);
    if (this.#held.length < this.#mostHeld) return [];
    const held = this.#held;
    this.#held = [];
    const [first, ...others] = held;
    for (let i = others.length - 1; i > 0; i--) {
      const j = this.#random.below(i + 1);
      [others[i], others[j]] = [others[j]!, others[i]!];
    }
    return [...others, first!].map(({ bytes }) => this.#asIs(bytes));
  }

  /** Delivers an old frame before or after one, of an earlier connection where there is any. */
  #replay(arrival: Arrival): readonly Delivery[] {
    const earlier = this.#history.filter(({ connection }) => connection < arrival.connection);
    const from = earlier.length > 0 ? earlier : this.#history;
    const old = from[this.#random.below(from.length)]!;
    if (earlier.length > 0) this.replaysEarlier++;
    this.#spoil(old);
    const pair = [this.#asIs(old.bytes), this.#asIs(arrival.bytes)];
    return this.#random.below(2) === 0 ? pair : pair.toReversed();
  }

  #invent(arrival: Arrival): readonly Delivery[] {
    const forged = this.#asIs(forge(this.#random, this.plan.pages, arrival.type));
    const kind = this.#random.below(3);
    if (kind === 0) return [forged];
    const pair = [forged, this.#asIs(arrival.bytes)];
    return kind === 1 ? pair : pair.toReversed();
  }

  #disfigure({ type, bytes }: Arrival): Uint8Array {
    const isMisplaced = type === FRAME.pages && this.#random.below(3) > 0;
    if (isMisplaced) return misplace(this.#random, bytes, this.plan.slots);
    return disfigure(this.#random, bytes);
  }

  #flip({ bytes }: Arrival): Uint8Array {
    const copy = bytes.slice();
    // Every other flip hits what is not payload.
    const control = new DataView(bytes.buffer, bytes.byteOffset).getUint32(16, true);
    const head = Math.min(bytes.length, HEADER_BYTES + control);
    const at = this.#random.below(this.#random.below(2) === 0 ? head : bytes.length);
    copy[at]! ^= 1 << this.#random.below(8);
    if (at >= head && !this.plan.hasSums) this.keepsBytes = false;
    return copy;
  }

  #cut(bytes: Uint8Array): Uint8Array {
    return bytes.slice(0, this.#random.below(bytes.length));
  }

  /**
   * Shows nothing of a guest that runs until a frame of the one type has come, and says then that it has not run. Other
   * frames that would show it are hidden.
   */
  #lie(arrival: Arrival): readonly Delivery[] {
    const { type, isAfterRun, bytes } = arrival;
    if (!isAfterRun) return [this.#asIs(bytes)];
    if (this.#hasShown) {
      this.#note('forge', arrival);
      return [this.#asIs(controlFrame({ name: 'failed', body: { message: 'no', ran: false } }))];
    }
    this.#hasShown = type === this.#liesAfter;
    if (this.#hasShown) return [this.#asIs(bytes)];
    // RESUMED is right only with the RECEIVED before it.
    const isHidden =
      EVIDENCE.includes(type) && !(this.#liesAfter === FRAME.resumed && type === FRAME.received);
    if (isHidden) this.#note('drop', arrival);
    return isHidden ? [] : [this.#asIs(bytes)];
  }

  #note(operation: Operation, arrival: Arrival): void {
    this.done.push(`${frameName(typeOf(arrival.bytes))} ${operation}`);
    this.#spoil(arrival);
  }

  /**
   * Notes that a frame with a number that fits does not come as it was sent. Until the guest runs at the destination,
   * nothing but the numbers tells it that pages come late or not at all, and what was given back is not sent again.
   */
  #spoil({ type, isAfterRun }: Arrival): void {
    if (!this.#isSealed || this.plan.end === 'near') return;
    const isOnceOnly = type === FRAME.released || type === FRAME.free;
    if (isOnceOnly || (carriesPages({ type }) && !isAfterRun)) this.keepsBytes = false;
  }

  get #isSealed(): boolean {
    return this.plan.kind !== 'damage';
  }

  #asIs(bytes: Uint8Array): Delivery {
    return { bytes, isSealed: this.#isSealed };
  }
}

/** Returns whether a frame FAILED says that the guest has run at the destination. */
function saysRan(frame: Frame): boolean {
  try {
    const message = decodeControl(frame);
    return message.name === 'failed' && message.body.ran;
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}
