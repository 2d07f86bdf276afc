import { parseDuration } from '../../units/duration.ts';
import { defaultsOf } from '../../units/keys.ts';
import { parseRate } from '../../units/rate.ts';
import { parseSize } from '../../units/size.ts';
import type { DeviceSpec } from './device.ts';
import type { DeviceValues } from './kind.ts';
import { DEVICE_PROFILES, deviceNamed, type DeviceProfile } from './registry.ts';

/** The most devices of a guest, counts included. */
export const MOST_DEVICES = 1024;

/** A device as a scenario has it, checked and with defaults; quantities are still as written. */
export type WrittenDevice = { readonly kind: string } & DeviceValues;

/** Turns the devices of a guest into numbers: those of its profile, then those that it lists, one by one. */
export function resolveDevices(
  profile: DeviceProfile,
  written: readonly WrittenDevice[],
): DeviceSpec[] {
  const own = DEVICE_PROFILES[profile].map((kind): WrittenDevice => {
    const values = defaultsOf(deviceNamed(kind).keys) as unknown as DeviceValues;
    return { ...values, kind };
  });
  return [...own, ...written].flatMap((device) =>
    Array.from({ length: device.count }, () => specOf(device)),
  );
}

function specOf(written: WrittenDevice): DeviceSpec {
  const { initial = 0, loadInitial = 0, precopy = 0, dirtyRate, rate = 'unlimited' } = written;
  return {
    kind: written.kind,
    stateBytes: parseSize(written.state),
    saveNs: parseDuration(written.save),
    loadNs: parseDuration(written.load),
    reconnectNs: parseDuration(written.reconnect),
    reconnectStops: written.reconnectStops,
    initialBytes: parseSize(initial),
    loadInitialNs: parseDuration(loadInitial),
    precopyBytes: parseSize(precopy),
    dirtyBytesPerSecond: dirtyRate === undefined ? 0 : parseRate(dirtyRate),
    bytesPerSecond: parseRate(rate),
    isPending: deviceNamed(written.kind).isVfio,
  };
}
