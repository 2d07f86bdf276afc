import { describe, expect, it } from 'vitest';
import { loadEvacuation } from '../../src/fleet/evacuation/load.ts';
import { type Row, scenarioFolder, withGuest } from '../support/scenarios.ts';

const { load, complaints } = scenarioFolder();

const withDevice = (device: string, more = ''): string =>
  `guest:\n  memory: 64MiB\n  devices:\n    - ${device}\n${more}`;

const ROWS: readonly Row[] = [
  [
    'an unknown kind',
    withDevice('{ kind: floppy }'),
    '4:15 guest.devices[0].kind: expected kind machine, virtio-net, virtio-blk, vhost-user, vdpa, xen-vif, vfio, vgpu or custom, got "floppy"',
  ],
  [
    'a key of another kind',
    withDevice('{ kind: virtio-net, initial: 1MiB }'),
    '4:27 guest.devices[0].initial: unknown key: expected one of kind, count, state, save, load, reconnect, reconnectStops',
  ],
  [
    'a time without a unit',
    withDevice('{ kind: vfio, load: 5 }'),
    '4:27 guest.devices[0].load: expected a duration such as 300ms or 10s, got 5',
  ],
  [
    'too many at once',
    withDevice('{ kind: vfio, count: 257 }'),
    '4:28 guest.devices[0].count: expected a whole number from 1 to 256, got 257',
  ],
  [
    'too many in all',
    withGuest(
      `devices: [${Array.from({ length: 5 }, () => '{ kind: vdpa, count: 256 }').join(', ')}]`,
    ),
    '3:12 guest.devices: 1280 devices are too many, there may be 1024: leave some out',
  ],
  [
    'an unknown profile',
    withGuest('deviceProfile: xen'),
    '3:18 guest.deviceProfile: expected none or kvm, got "xen"',
  ],
  [
    'VFIO by post-copy',
    withDevice('{ kind: vgpu }', 'migration: { algorithm: hybrid }\n'),
    "4:15 guest.devices[0].kind: vgpu can't be migrated by post-copy (QEMU, docs/devel/migration/vfio.rst): set migration.algorithm to precopy or stop-and-copy, or leave it out",
  ],
  [
    'a switchover that waits for nothing',
    withDevice('{ kind: vgpu }', 'migration: { switchoverAck: true }\n'),
    '5:29 migration.switchoverAck: has an effect only with a device that has initial bytes, such as vfio: leave it out, or add one to guest.devices',
  ],
  [
    'a switchover of a guest that stands still from the start',
    withDevice('{ kind: vfio }', 'migration: { algorithm: stop-and-copy, switchoverAck: true }\n'),
    '5:55 migration.switchoverAck: has an effect only with live rounds, the migration is stop-and-copy: leave it out',
  ],
  [
    'a wrong time around a migration',
    withGuest('vcpus: 1\nmigration: { around: { tunnel: soon } }'),
    '4:32 migration.around.tunnel: expected a duration such as 300ms or 10s, got "soon"',
  ],
];

describe('devices of a scenario', () => {
  it.each(ROWS)('are refused: %s', (_, yaml, ...expected) => {
    expect(complaints(yaml)).toEqual(expected);
  });

  it('have the defaults of their kinds, which the complete scenario shows', () => {
    const { scenario, config } = load(
      withDevice(
        '{ kind: vfio, save: 1ms }',
        'migration: { switchoverAck: true, around: { cleanup: 2s } }\n',
      ),
    );
    expect(scenario.guest.devices).toEqual([
      {
        kind: 'vfio',
        count: 1,
        state: '300MB',
        save: '1ms',
        load: '90ms',
        reconnect: '0ms',
        reconnectStops: false,
        initial: '64KiB',
        loadInitial: '1480ms',
        precopy: 0,
        rate: 'unlimited',
      },
    ]);
    expect(config.guest.devices).toMatchObject([{ kind: 'vfio', saveNs: 1e6, isPending: true }]);
    expect(config.migration.switchoverAck).toBe(true);
    expect(config.migration.around).toEqual({
      startTargetNs: 0,
      tunnelNs: 0,
      setupNs: 0,
      cleanupNs: 2e9,
    });
    expect(load(JSON.stringify(scenario)).scenario).toEqual(scenario);
  });

  it('are absent from a guest that names none, as everything about them is', () => {
    for (const more of ['', 'deviceProfile: none', 'devices: []']) {
      const { config } = load(withGuest(more));
      expect(config.guest).not.toHaveProperty('devices');
      expect(config.migration).not.toHaveProperty('around');
      expect(config.migration).not.toHaveProperty('switchoverAck');
    }
  });

  it('of VFIO are refused where onDiverged may force post-copy, which is the key that is named', () => {
    const sets = ['guests[0].onDiverged=postcopy', 'guests[0].guest.devices=[{ kind: vfio }]'];
    expect(() => loadEvacuation('four', ['runtime=virtual', ...sets])).toThrow(
      "guests[0].guest.devices[0].kind: vfio can't be migrated by post-copy (QEMU, docs/devel/migration/vfio.rst): set onDiverged to leave or stop-and-copy, or leave it out",
    );
  });
});
