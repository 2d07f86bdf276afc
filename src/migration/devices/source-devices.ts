import { destinationNs, type DeviceSpec, hasPrecopy } from '../../guest/devices/device.ts';
import { type DevicePart, type DevicePiece, MAX_DEVICE_BYTES } from '../../wire/devices.ts';
import type { ControlBody } from '../../wire/control.ts';
import { type DeviceHoldUp, type InitialState, loadHoldUp } from './hold-up.ts';

/** What a device's migration took. Times of the two sides may overlap, as one side works while the other does. */
export interface DeviceReport {
  readonly kind: string;
  /** From the start of its save, with the guest stopped, until its last byte was posted. */
  readonly saveNs: number;
  /** How long the destination loaded its initial bytes, whether or not the guest ran at the source. */
  readonly loadInitialNs: number;
  /** How long the destination loaded the rest. */
  readonly loadNs: number;
  /** How long its backend took until it served the device at the destination. */
  readonly reconnectNs: number;
  /** Whether the vCPUs waited for its backend. */
  readonly reconnectStops: boolean;
  /** The bytes of its state that were sent while the guest ran, and while it stood still. */
  readonly precopyBytes: number;
  readonly stoppedBytes: number;
}

/** What the devices of a guest took. */
export interface DevicesReport {
  readonly list: readonly DeviceReport[];
  /** The bytes of their frames sent while the guest ran, and while it stood still. */
  readonly precopyBytes: number;
  readonly stoppedBytes: number;
  /** When ACK came; absent if it was not waited for, or did not come. */
  readonly ackedNs?: number;
}

interface OpenDevice {
  readonly spec: DeviceSpec;
  readonly index: number;
  /** The bytes of each part that have been sent. */
  readonly sent: Record<DevicePart, number>;
  /** The pre-copy bytes, besides the initial ones, that have yet to be sent. */
  dirtyBytes: number;
  saveNs: number;
  precopyBytes: number;
  stoppedBytes: number;
  /** When the last of its initial bytes was posted. */
  initialSentNs?: number;
}

/** The devices of the guest at the source: what of their state has been sent, and what is still to be sent. */
export class SourceDevices {
  readonly specs: readonly DeviceSpec[];
  /** Whether the guest may be stopped only after ACK. */
  readonly awaitsAck: boolean;
  /** The bytes of their frames sent while the guest ran, and while it stood still. */
  readonly frames = { precopyBytes: 0, stoppedBytes: 0 };
  /** Whether a chunk of pages has ended since they had a turn last. */
  isDue = false;
  /** What each device took at the destination, once that has told it. */
  times: ControlBody<'running'>['devices'];
  #ackedNs: number | undefined;
  #refreshedNs = 0;
  /** The device that is being saved. */
  #saving: { readonly spec: DeviceSpec; readonly sinceNs: number } | undefined;
  readonly #open: readonly OpenDevice[];

  constructor(specs: readonly DeviceSpec[], switchoverAck: boolean) {
    this.specs = specs;
    this.awaitsAck = switchoverAck && specs.some(({ initialBytes }) => initialBytes > 0);
    this.#open = specs.map((spec, index) => ({
      spec,
      index,
      sent: { initial: 0, precopy: 0, state: 0 },
      dirtyBytes: spec.precopyBytes,
      saveNs: 0,
      precopyBytes: 0,
      stoppedBytes: 0,
    }));
  }

  /** How much longer than usual the source waits for an answer, because the destination may be loading. */
  get patienceNs(): number {
    return destinationNs(this.specs);
  }

  /** Whether the guest may be stopped. */
  get mayStop(): boolean {
    return !this.awaitsAck || this.#ackedNs !== undefined;
  }

  /** Takes an ACK; returns false if none is due. */
  takeAck(nowNs: number): boolean {
    if (this.mayStop) return false;
    this.#ackedNs = nowNs;
    return true;
  }

  /** Lets the guest's devices dirty their state up to now, which is when their drivers are asked for it. */
  refresh(nowNs: number): void {
    const seconds = (nowNs - this.#refreshedNs) / 1e9;
    this.#refreshedNs = nowNs;
    for (const device of this.#open) {
      const { precopyBytes, dirtyBytesPerSecond } = device.spec;
      const dirtied = Math.floor(seconds * dirtyBytesPerSecond);
      device.dirtyBytes = Math.min(precopyBytes, device.dirtyBytes + dirtied);
    }
  }

  /** Begins the time in which the guest runs and its devices dirty their state. */
  begin(nowNs: number): void {
    this.#refreshedNs = nowNs;
  }

  /** The bytes that can be sent while the guest runs, as of the last refresh. */
  get liveBytes(): number {
    return this.#open.reduce((sum, device) => sum + liveBytesOf(device), 0);
  }

  /** The same, of the devices that QEMU counts in what is pending. */
  get pendingLiveBytes(): number {
    return this.#open.reduce(
      (sum, device) => sum + (device.spec.isPending ? liveBytesOf(device) : 0),
      0,
    );
  }

  /** The bytes of these devices that would be sent with the guest stopped, as of the last refresh. */
  get pendingStoppedBytes(): number {
    return this.#open.reduce(
      (sum, device) =>
        sum + (device.spec.isPending ? liveBytesOf(device) + device.spec.stateBytes : 0),
      0,
    );
  }

  /** Returns the next piece that the device can send while the guest runs, of at most `most` bytes. */
  livePiece(device: number, most: number): DevicePiece | undefined {
    const open = this.#open[device]!;
    return (
      pieceOf(open, 'initial', initialLeft(open), most) ??
      pieceOf(open, 'precopy', open.dirtyBytes, most)
    );
  }

  /** Returns the next piece that the device sends with the guest stopped. */
  stoppedPiece(device: number, most: number): DevicePiece | undefined {
    const open = this.#open[device]!;
    const left = open.spec.stateBytes - open.sent.state;
    return this.livePiece(device, most) ?? pieceOf(open, 'state', left, most);
  }

  /** Counts a piece as sent at `nowNs`, in a frame of `frameBytes` bytes. */
  sent(
    { device, part, bytes }: DevicePiece,
    frameBytes: number,
    isStopped: boolean,
    nowNs: number,
  ): void {
    const open = this.#open[device]!;
    open.sent[part] += bytes;
    if (part === 'initial' && initialLeft(open) === 0) open.initialSentNs = nowNs;
    if (part === 'precopy') open.dirtyBytes -= bytes;
    if (isStopped) {
      open.stoppedBytes += bytes;
      this.frames.stoppedBytes += frameBytes;
    } else {
      open.precopyBytes += bytes;
      this.frames.precopyBytes += frameBytes;
    }
  }

  /** Notes that a device's save begins. */
  saves(device: number, sinceNs: number): void {
    this.#saving = { spec: this.specs[device]!, sinceNs };
  }

  /** Notes how long a device's save took. */
  saved(device: number, ns: number): void {
    this.#open[device]!.saveNs = ns;
    this.#saving = undefined;
  }

  /** Returns the device that has held pages up since `fromNs`, as far as the source can know; absent if none has. */
  holdUp(fromNs: number, nowNs: number): DeviceHoldUp | undefined {
    if (this.#saving) {
      const { spec, sinceNs } = this.#saving;
      const leftNs = Math.max(0, sinceNs + spec.saveNs - nowNs);
      return { work: 'save', kinds: [spec.kind], heldNs: nowNs - sinceNs, leftNs };
    }
    const states = this.#open.flatMap(({ spec, initialSentNs }): InitialState[] =>
      initialSentNs === undefined ? [] : [{ spec, sentNs: initialSentNs }],
    );
    return loadHoldUp(states, fromNs, this.#ackedNs ?? nowNs, nowNs);
  }

  /** Returns what the devices took. */
  report(): DevicesReport {
    const list = this.#open.map(({ spec, index, saveNs, precopyBytes, stoppedBytes }) => {
      const there = this.times?.[index];
      return {
        kind: spec.kind,
        saveNs,
        loadInitialNs: there?.loadInitialNs ?? 0,
        loadNs: there?.loadNs ?? 0,
        reconnectNs: there?.reconnectNs ?? 0,
        reconnectStops: spec.reconnectStops,
        precopyBytes,
        stoppedBytes,
      };
    });
    return {
      list,
      ...this.frames,
      ...(this.#ackedNs === undefined ? {} : { ackedNs: this.#ackedNs }),
    };
  }

  /** The indices of the devices that have bytes to send while the guest runs. */
  get live(): readonly number[] {
    return this.#open.flatMap((device) =>
      hasPrecopy(device.spec) && liveBytesOf(device) > 0 ? [device.index] : [],
    );
  }
}

const initialLeft = ({ spec, sent }: OpenDevice): number => spec.initialBytes - sent.initial;
const liveBytesOf = (device: OpenDevice): number => initialLeft(device) + device.dirtyBytes;

function pieceOf(
  { index, sent }: OpenDevice,
  part: DevicePart,
  left: number,
  most: number,
): DevicePiece | undefined {
  if (left <= 0) return undefined;
  const bytes = Math.min(left, most, MAX_DEVICE_BYTES);
  return { device: index, part, offset: sent[part], bytes };
}
