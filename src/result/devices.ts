import type { DeviceReport } from '../migration/devices/source-devices.ts';
import type { SourceReport } from '../migration/source.ts';
import type { RunResult } from './schema.ts';

type DevicePart = NonNullable<RunResult['devices']>['parts'][number];

const ms = (ns: number): number => Math.round(ns / 1e3) / 1e3;

/** Returns the bytes of the devices' frames and what each device took; nothing when there are none. */
export function devicesOf({ devices, startNs }: SourceReport): Pick<RunResult, 'devices'> {
  if (!devices) return {};
  const { precopyBytes, stoppedBytes, ackedNs, list } = devices;
  return {
    devices: {
      transferred: precopyBytes + stoppedBytes,
      precopyBytes,
      downtimeBytes: stoppedBytes,
      ...(ackedNs === undefined ? {} : { switchoverAckMs: ms(ackedNs - startNs) }),
      parts: list.map(partOf),
    },
  };
}

function partOf(device: DeviceReport): DevicePart {
  const { kind, saveNs, loadInitialNs, loadNs, reconnectNs, stoppedBytes, precopyBytes } = device;
  return {
    kind,
    saveMs: ms(saveNs),
    ...(loadInitialNs > 0 ? { loadInitialMs: ms(loadInitialNs) } : {}),
    loadMs: ms(loadNs),
    reconnectMs: ms(reconnectNs),
    bytes: stoppedBytes,
    ...(precopyBytes > 0 ? { precopyBytes } : {}),
  };
}

/**
 * Returns how long somebody outside misses the guest or one of its devices: the downtime of the vCPUs, and then
 * the time until the last backend serves its device that the vCPUs did not wait for.
 */
export function outageOf(
  { devices }: SourceReport,
  downtimeMs: number,
): Pick<RunResult, 'outageMs'> {
  if (!devices) return {};
  const lateNs = devices.list.reduce(
    (most, { reconnectStops, reconnectNs }) =>
      reconnectStops ? most : Math.max(most, reconnectNs),
    0,
  );
  return { outageMs: ms(downtimeMs * 1e6 + lateNs) };
}
