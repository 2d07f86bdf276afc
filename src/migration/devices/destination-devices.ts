import { type DeviceSpec, sourceNs } from '../../guest/devices/device.ts';
import type { ControlBody } from '../../wire/control.ts';
import { decodeDevice, type DevicePart, type DevicePiece, holdsState } from '../../wire/devices.ts';
import { type Frame, WireError } from '../../wire/frame.ts';
import type { Integrity } from '../../wire/pages.ts';

type DescribedDevice = NonNullable<ControlBody<'hello'>['devices']>[number];
type DeviceTimes = NonNullable<ControlBody<'running'>['devices']>[number];

/** Returns what HELLO says of devices. */
export const describeDevices = (devices: readonly DeviceSpec[]): DescribedDevice[] =>
  devices.map(({ kind, initialBytes, precopyBytes, stateBytes }) => ({
    kind,
    initialBytes,
    precopyBytes,
    stateBytes,
  }));

interface OpenDevice {
  readonly spec: DeviceSpec;
  /** The bytes of each part that have come. */
  readonly come: Record<DevicePart, number>;
  isLoaded: boolean;
  readonly times: { loadInitialNs: number; loadNs: number; reconnectNs: number };
}

/** Work of the destination on a device, which takes time. */
export interface DeviceWork {
  readonly ns: number;
  /** Notes how long it has taken. */
  done(ns: number): void;
}

/** The devices of the guest at the destination: what of their state has come and has been loaded. */
export class DestinationDevices {
  readonly #open: readonly OpenDevice[];
  #hasAcked = false;

  constructor(specs: readonly DeviceSpec[]) {
    this.#open = specs.map((spec) => ({
      spec,
      come: { initial: 0, precopy: 0, state: 0 },
      isLoaded: false,
      times: { loadInitialNs: 0, loadNs: 0, reconnectNs: 0 },
    }));
  }

  /** How much longer than usual the source may be silent, because it saves devices. */
  get patienceNs(): number {
    return sourceNs(this.#open.map(({ spec }) => spec));
  }

  /** Checks that the source's devices are those that have been prepared here. Throws WireError. */
  check(theirs: readonly DescribedDevice[]): void {
    const ours = describeDevices(this.#open.map(({ spec }) => spec));
    if (JSON.stringify(theirs) === JSON.stringify(ours)) return;
    throw new WireError(
      `the source's devices (${namesOf(theirs)}) are not those prepared here (${namesOf(ours)})`,
    );
  }

  /** Takes a piece of state; returns what there is to do once it is here. Throws WireError if it is not due. */
  take(frame: Frame, integrity: Integrity, isStopped: boolean): DeviceWork | undefined {
    const piece = decodeDevice(frame, integrity);
    const device = this.#open[piece.device];
    const fail = (why: string): never => {
      throw new WireError(`frame ${frame.sequence}: ${why}`);
    };
    if (!device) return fail(`there is no device ${piece.device} here`);
    if (piece.offset !== device.come[piece.part]) fail('a piece of a device is missing');
    if (piece.bytes > roomFor(device, piece.part))
      fail(`a device has more state than the source has said`);
    if (piece.part === 'state' && !isStopped)
      fail('the state of a device that still runs has come');
    // Damage of the payload is found by its sum; with integrity `header`, nothing protects it.
    if (integrity === 'full' && !holdsState(frame, piece))
      fail("a device's state is not what the source has");
    device.come[piece.part] += piece.bytes;
    return workOn(device, piece);
  }

  /** Returns the loads that have yet to be done once all state has come. Throws WireError if some is missing. */
  rest(): DeviceWork[] {
    return this.#open.flatMap((device, index) => {
      const { spec, come } = device;
      const isWhole = come.initial === spec.initialBytes && come.state === spec.stateBytes;
      if (!isWhole) throw new WireError(`the state of device ${index} (${spec.kind}) is not whole`);
      return device.isLoaded ? [] : [loadOf(device)];
    });
  }

  /** Returns the wait for the backends that the vCPUs wait for; all of them connect at the same time. */
  reconnect(): DeviceWork {
    const stopping = this.#open.filter(({ spec }) => spec.reconnectStops);
    const ns = stopping.reduce((most, { spec }) => Math.max(most, spec.reconnectNs), 0);
    for (const { spec, times } of this.#open) times.reconnectNs = spec.reconnectNs;
    return { ns, done: () => undefined };
  }

  /** Whether ACK is due now; it is so once, when all initial bytes have been loaded. */
  takeAckDue(): boolean {
    if (this.#hasAcked) return false;
    this.#hasAcked = this.#open.every(({ spec, come }) => come.initial === spec.initialBytes);
    return this.#hasAcked;
  }

  get times(): DeviceTimes[] {
    return this.#open.map(({ times }) => times);
  }
}

const namesOf = (devices: readonly DescribedDevice[]): string =>
  devices.length === 0
    ? 'none'
    : devices
        .map(
          ({ kind, initialBytes, precopyBytes, stateBytes }) =>
            `${kind} of ${initialBytes} + ${precopyBytes} + ${stateBytes} bytes`,
        )
        .join(', ');

/** Returns how many bytes of a part may still come; the other pre-copy bytes come again when they are dirty. */
function roomFor({ spec, come }: OpenDevice, part: DevicePart): number {
  if (part === 'precopy') return spec.precopyBytes;
  return (part === 'initial' ? spec.initialBytes : spec.stateBytes) - come[part];
}

function workOn(device: OpenDevice, { part }: DevicePiece): DeviceWork | undefined {
  const { spec, come, times } = device;
  if (part === 'initial' && come.initial === spec.initialBytes) {
    return { ns: spec.loadInitialNs, done: (ns) => (times.loadInitialNs = ns) };
  }
  if (part === 'state' && come.state === spec.stateBytes) return loadOf(device);
  return undefined;
}

function loadOf(device: OpenDevice): DeviceWork {
  device.isLoaded = true;
  return { ns: device.spec.loadNs, done: (ns) => (device.times.loadNs = ns) };
}
