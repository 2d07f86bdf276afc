/**
 * A device of the guest, as a migration sees it: bytes that have to cross the link, and times that pass on
 * either side. Its state has up to three parts. The initial bytes and the other pre-copy bytes may go while
 * the guest runs; a device without them has none. The rest goes once the guest has been stopped.
 */
export interface DeviceSpec {
  /** The name of its kind. */
  readonly kind: string;
  /** The bytes that go only when the guest has been stopped. */
  readonly stateBytes: number;
  /** How long the source works before it sends these. */
  readonly saveNs: number;
  /** How long the destination works once all of them have come. */
  readonly loadNs: number;
  /** How long its backend takes at the destination, after RUN, until it serves the device again. */
  readonly reconnectNs: number;
  /** Whether the vCPUs wait for that; otherwise they run, and only the device is out of service. */
  readonly reconnectStops: boolean;
  /** The pre-copy bytes that come first and never change, such as a description of its resources. */
  readonly initialBytes: number;
  /** How long the destination works once all initial bytes have come. */
  readonly loadInitialNs: number;
  /** The other pre-copy bytes. */
  readonly precopyBytes: number;
  /** How many of these become dirty again in a second in which the guest runs. */
  readonly dirtyBytesPerSecond: number;
  /** The rate at which the source can read its state; Infinity means no limit. */
  readonly bytesPerSecond: number;
  /** Whether QEMU counts its bytes in what is pending, as it does for VFIO (state_pending_exact). */
  readonly isPending: boolean;
}

/** Returns whether a device has bytes that can go while the guest runs. */
export const hasPrecopy = ({ initialBytes, precopyBytes }: DeviceSpec): boolean =>
  initialBytes + precopyBytes > 0;

/** Returns how long the destination may be busy with devices, in ns, when nothing of it overlaps. */
export function destinationNs(devices: readonly DeviceSpec[]): number {
  return devices.reduce(
    (sum, { loadInitialNs, loadNs, reconnectNs }) => sum + loadInitialNs + loadNs + reconnectNs,
    0,
  );
}

/** Returns how long the source may be busy with devices without sending a byte, in ns. */
export function sourceNs(devices: readonly DeviceSpec[]): number {
  return devices.reduce((sum, { saveNs }) => sum + saveNs, 0);
}
