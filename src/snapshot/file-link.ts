import type { Clock } from '../clock/clock.ts';
import type { VcpuState } from '../guest/vcpu-state.ts';
import { type FrameKind, type FrameRoom, HORIZON_NS, type Link } from '../link/link.ts';
import { type RateLimiter, tokenBucket } from '../link/rate-limiter.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { loadKernels } from '../memory/kernels/load.ts';
import { WASM_PAGE } from '../memory/memory-pool.ts';
import type { CapturedPages } from '../replication/capture.ts';
import { type ControlMessage, decodeControl, encodeControl, packControl } from '../wire/control.ts';
import { ENCODING } from '../wire/encodings.ts';
import { type Frame, FRAME, type FrameMemory, frameTypeAt, openFrame } from '../wire/frame.ts';
import { MAX_FRAME_BYTES } from '../wire/limits.ts';
import { eachPageRun } from '../wire/pages.ts';
import { SnapshotError } from './file-port.ts';
import type { SnapshotWriter } from './writer.ts';

export interface FileLinkParts {
  readonly writer: SnapshotWriter;
  readonly clock: Clock;
  readonly memory: GuestMemory;
  /** How fast the file takes bytes; Infinity where the file itself says that. */
  readonly bytesPerSecond: number;
  /** How much delay the sender makes up for: 10 ms by default, 0 on a virtual clock. */
  readonly madeUpLagNs?: number;
  /** Completes the file once the guest has been handed over. Throws SnapshotError. */
  readonly commit: (vcpus: readonly VcpuState[]) => void;
}

/** The memory of a frame that is built, with room for an answer behind it. */
const ROOM_AT = 4096;
const ANSWER_AT = ROOM_AT + MAX_FRAME_BYTES;
const MEMORY_BYTES = ANSWER_AT + WASM_PAGE;

/**
 * A link to a file, over which a source migrates its guest as it would to a host: every page frame goes to the pages'
 * places in the file, and RUN completes it. The link answers in the place of a destination: WELCOME, RUNNING, and FAILED
 * when the file can't be written, after which the source lets the guest go on.
 */
export class FileLink implements Link {
  postedBytes = 0;
  drainedAtNs = 0;
  postedArrivalNs = 0;
  polledArrivalNs = 0;
  readonly #parts: FileLinkParts;
  readonly #memory: FrameMemory;
  readonly #disk: RateLimiter;
  readonly #migration: RateLimiter;
  readonly #startNs: number;
  #kind: FrameKind = 'control';
  #sequenceOut = 0;
  #sequenceIn = 0;
  #state: readonly VcpuState[] = [];
  #answer: { readonly message: ControlMessage; readonly atNs: number } | undefined;
  #hasFailed = false;

  constructor(parts: FileLinkParts) {
    this.#parts = parts;
    this.#startNs = parts.clock.now();
    const pages = Math.ceil(MEMORY_BYTES / WASM_PAGE);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.#memory = {
      bytes: new Uint8Array(memory.buffer),
      view: new DataView(memory.buffer),
      kernels: loadKernels(memory),
      scratch: 0,
    };
    this.#disk = tokenBucket(parts.bytesPerSecond, HORIZON_NS, parts.madeUpLagNs);
    this.#migration = tokenBucket(Infinity, HORIZON_NS, parts.madeUpLagNs);
  }

  room(maxBytes: number, kind: FrameKind): FrameRoom | undefined {
    if (maxBytes > MAX_FRAME_BYTES) throw new Error(`a frame of ${maxBytes} bytes is too long`);
    if (this.creditAtNs(kind) > this.#parts.clock.now()) return undefined;
    this.#kind = kind;
    return { memory: this.#memory, at: ROOM_AT, sequence: this.#sequenceOut };
  }

  post(bytes: number, storedBytes: number = bytes): void {
    const nowNs = this.#parts.clock.now();
    if (this.#kind === 'pages') this.#migration.take(bytes, nowNs);
    this.charge(bytes);
    this.postedArrivalNs = this.drainedAtNs;
    const sequence = this.#sequenceOut++;
    if (this.#hasFailed) return;
    try {
      if (frameTypeAt(this.#memory, ROOM_AT) === FRAME.pages) this.#writePages();
      else this.#hear(openFrame(this.#memory, ROOM_AT, storedBytes, sequence));
    } catch (error) {
      if (!(error instanceof SnapshotError)) throw error;
      this.#hasFailed = true;
      this.#say({ name: 'failed', body: { message: error.message, ran: false } });
    }
  }

  /** Takes pages as they were at an earlier moment, whatever the guest has made of them since. Throws SnapshotError. */
  write({ slot, pages, contents }: CapturedPages): void {
    const { writer, memory } = this.#parts;
    const { firstGfn } = memory.slots[slot]!.layout;
    const bytes = pages.length * memory.pageSize;
    this.#migration.take(bytes, this.#parts.clock.now());
    this.charge(bytes);
    for (const [i, page] of pages.entries()) writer.put(firstGfn + page, 1, contents[i]!, 0, true);
  }

  /** Completes the file with the state that belongs to its pages. Throws SnapshotError. */
  complete(vcpus: readonly VcpuState[]): void {
    this.#parts.commit(vcpus);
  }

  charge(bytes: number): void {
    this.drainedAtNs = this.#disk.take(bytes, this.#parts.clock.now());
    this.postedBytes += bytes;
  }

  creditAtNs(kind: FrameKind): number {
    const diskNs = this.#disk.readyAtNs();
    if (kind === 'control') return diskNs;
    // The writers of the file ring the doorbell when they have made room.
    if (!this.#parts.writer.hasRoom(MAX_FRAME_BYTES)) return Infinity;
    return Math.max(diskNs, this.#migration.readyAtNs());
  }

  rest(): void {
    this.#disk.rest();
    this.#migration.rest();
  }

  limit(bytesPerSecond: number): void {
    this.#migration.setRate(bytesPerSecond);
  }

  lookahead(): void {
    // What lies ahead of the file is bounded by its slabs.
  }

  poll(): Frame | undefined {
    const { clock } = this.#parts;
    const answer = this.#answer;
    if (!answer || answer.atNs > clock.now()) return undefined;
    this.#answer = undefined;
    this.polledArrivalNs = answer.atNs;
    const { message } = answer;
    const packed = packControl(message);
    const sequence = this.#sequenceIn++;
    const length = encodeControl(this.#memory, ANSWER_AT, message.name, packed, sequence);
    return openFrame(this.#memory, ANSWER_AT, length, sequence);
  }

  release(): void {
    // An answer has its own room.
  }

  arrivalAtNs(): number {
    return this.#answer?.atNs ?? Infinity;
  }

  canReconnect(): boolean {
    return false;
  }

  reconnect(): void {
    throw new Error('a file has no second connection');
  }

  #writePages(): void {
    const { writer, memory } = this.#parts;
    const { view, bytes } = this.#memory;
    const { pageSize, slots } = memory;
    let at = ROOM_AT + view.getUint32(ROOM_AT + 20, true);
    eachPageRun(this.#memory, ROOM_AT, (slot, first, pages, encoding) => {
      const gfn = slots[slot]!.layout.firstGfn + first;
      if (encoding === ENCODING.zero) return writer.zero(gfn, pages);
      if (encoding !== ENCODING.raw) throw new Error(`encoding ${encoding} can't go to a file`);
      writer.put(gfn, pages, bytes, at);
      at += pages * pageSize;
    });
  }

  #hear(frame: Frame): void {
    const message = decodeControl(frame);
    if (message.name === 'hello') this.#say({ name: 'welcome', body: {} });
    if (message.name === 'state') this.#state = message.body.vcpus;
    if (message.name === 'cancel') this.#hasFailed = true;
    if (message.name !== 'run') return;
    this.complete(this.#state);
    const atNs = this.#parts.clock.now() - this.#startNs;
    this.#say({ name: 'running', body: { pagesNs: atNs, stateNs: atNs, runningNs: atNs } });
  }

  #say(message: ControlMessage): void {
    const atNs = Math.max(this.#parts.clock.now(), this.postedArrivalNs);
    this.#answer = { message, atNs };
  }
}
