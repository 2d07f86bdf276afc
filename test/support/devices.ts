import type { DeviceSpec } from '../../src/guest/devices/device.ts';

/** Returns a device that has no state and takes no time, but for what `changes` say. */
export const device = (changes: Partial<DeviceSpec> = {}): DeviceSpec => ({
  kind: 'custom',
  stateBytes: 0,
  saveNs: 0,
  loadNs: 0,
  reconnectNs: 0,
  reconnectStops: false,
  initialBytes: 0,
  loadInitialNs: 0,
  precopyBytes: 0,
  dirtyBytesPerSecond: 0,
  bytesPerSecond: Infinity,
  isPending: false,
  ...changes,
});
