import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { destinationNs, hasPrecopy, sourceNs } from '../../src/guest/devices/device.ts';
import type { DeviceKind, DeviceValues } from '../../src/guest/devices/kind.ts';
import { DEVICE_PROFILES, deviceNamed, DEVICES } from '../../src/guest/devices/registry.ts';
import { resolveDevices } from '../../src/guest/devices/resolve.ts';
import { defaultsOf } from '../../src/units/keys.ts';
import { device } from '../support/devices.ts';

const KINDS = DEVICES.map((kind: DeviceKind) => ({ name: kind.name, kind }));
const DOC = readFileSync(new URL('../../docs/devices.md', import.meta.url), 'utf8');

const written = (kind: DeviceKind, changes: Partial<DeviceValues> = {}) => ({
  ...(defaultsOf(kind.keys) as unknown as DeviceValues),
  kind: kind.name,
  ...changes,
});

describe.each(KINDS)('the kind $name', ({ name, kind }) => {
  it('says where each of its defaults comes from', () => {
    const keys = Object.entries(kind.keys).filter(([key]) => key !== 'count');
    for (const [, key] of keys) {
      if (key.presence !== 'defaulted') continue;
      expect(key.source?.length).toBeGreaterThan(10);
    }
    expect(kind.about).toMatch(/^[A-Z].*\.$/);
    expect(deviceNamed(name)).toBe(kind);
  });

  it('becomes a device of finite numbers', () => {
    const [spec, ...others] = resolveDevices('none', [written(kind)]);
    expect(others).toEqual([]);
    expect(spec!.kind).toBe(name);
    expect(spec!.isPending).toBe(kind.isVfio);
    const { kind: _kind, reconnectStops: _stops, isPending: _pending, ...numbers } = spec!;
    const { bytesPerSecond, ...finite } = numbers;
    expect(bytesPerSecond).toBeGreaterThan(0);
    for (const value of Object.values(finite)) {
      expect(value).toBeGreaterThanOrEqual(0);
      expect(value).toBeLessThan(1e12);
    }
  });

  it('has its defaults in the documentation', () => {
    const row = DOC.split('\n').find((line) => line.startsWith(`| \`${name}\``));
    expect(row).toBeDefined();
    for (const [key, { presence, ...facts }] of Object.entries(kind.keys)) {
      const { fallback } = facts as { fallback?: unknown };
      const isPlain = fallback === 0 || fallback === '0ms' || fallback === 'unlimited';
      if (presence !== 'defaulted' || isPlain || typeof fallback === 'boolean' || key === 'count')
        continue;
      expect(row).toContain(`\`${key}\` ${String(fallback)}`);
    }
  });
});

describe('devices of a guest', () => {
  it('are counted out, those of its profile first', () => {
    const list = resolveDevices('kvm', [
      written(deviceNamed('virtio-net'), { count: 3 }),
      written(deviceNamed('vgpu')),
    ]);
    expect(list.map(({ kind }) => kind)).toEqual([
      'machine',
      'virtio-net',
      'virtio-net',
      'virtio-net',
      'vgpu',
    ]);
    expect(DEVICE_PROFILES.none).toEqual([]);
  });

  it('have all numbers that a scenario can give', () => {
    const given = {
      state: '3MB',
      save: '1ms',
      load: '2ms',
      reconnect: '3ms',
      reconnectStops: true,
      initial: '1KiB',
      loadInitial: '4ms',
      precopy: '2MiB',
      dirtyRate: '8Mbit/s',
      rate: '1GB/s',
    };
    expect(resolveDevices('none', [written(deviceNamed('custom'), given)])).toEqual([
      {
        kind: 'custom',
        stateBytes: 3_000_000,
        saveNs: 1e6,
        loadNs: 2e6,
        reconnectNs: 3e6,
        reconnectStops: true,
        initialBytes: 1024,
        loadInitialNs: 4e6,
        precopyBytes: 2 * 1024 * 1024,
        dirtyBytesPerSecond: 1e6,
        bytesPerSecond: 1e9,
        isPending: false,
      },
    ]);
  });

  it('say how long either side may be busy with them', () => {
    const list = [
      device({ saveNs: 1, loadNs: 20, reconnectNs: 300, loadInitialNs: 4000 }),
      device({ saveNs: 50_000, loadNs: 600_000 }),
    ];
    expect([sourceNs(list), destinationNs(list)]).toEqual([50_001, 604_320]);
    expect(hasPrecopy(device({ stateBytes: 5 }))).toBe(false);
    expect(hasPrecopy(device({ initialBytes: 1 }))).toBe(true);
    expect(hasPrecopy(device({ precopyBytes: 1 }))).toBe(true);
  });
});
