import type { DeviceSpec } from '../../guest/devices/device.ts';
import { Generator } from '../../random/generator.ts';
import type { DrawnRun } from './draw.ts';

/** It keeps what is drawn here apart from all else that is drawn from a seed. */
const DEVICES = 0xdec1ce;

/**
 * Gives the guest of a drawn run up to four devices, and lets some sources wait for ACK. The rest of the run stays
 * as it is, so that a seed without devices plays what it always has.
 */
export function withDevices(seed: number, { config, trouble }: DrawnRun): DrawnRun {
  const random = new Generator(seed, DEVICES);
  const one = <Value>(values: readonly Value[]): Value => values[random.below(values.length)]!;
  const devices = Array.from({ length: 1 + random.below(4) }, (): DeviceSpec => ({
    kind: one(['custom', 'vfio', 'virtio-net']),
    stateBytes: one([0, 1, 4096, 200_000, random.below(400_000)]),
    saveNs: one([0, 1000, 3e6]),
    loadNs: one([0, 1000, 3e6]),
    reconnectNs: one([0, 5e6]),
    reconnectStops: random.below(2) === 0,
    initialBytes: one([0, 0, 1, 65_536, 150_000]),
    loadInitialNs: one([0, 2e6, 20e6]),
    precopyBytes: one([0, 0, 100_000]),
    dirtyBytesPerSecond: one([0, 1e6, 1e9]),
    bytesPerSecond: one([Infinity, Infinity, 50e6]),
    isPending: random.below(4) === 0,
  }));
  return {
    config: {
      ...config,
      guest: { ...config.guest, devices },
      migration: { ...config.migration, switchoverAck: random.below(2) === 0 },
    },
    trouble,
  };
}
