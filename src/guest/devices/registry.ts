import { deviceKeys, deviceKind, type DeviceKind, precopyKeys, type Sourced } from './kind.ts';

const SMALL: Sourced<string> = [
  '4KiB',
  'estimate: all devices of a small machine together have 12 KB in a stream of QEMU 7.2',
];
/** What an emulated device takes on either side. */
const QUICK: Sourced<string> = [
  '500us',
  'estimate: with two vhost-user-net, a disk and a balloon the whole downtime of an idle guest was 5 to 9 ms ' +
    '(opnfv/kvmfornfv, live_migration.userguide.rst)',
];
const EMULATED = { state: SMALL, save: QUICK, load: QUICK };

/** All kinds of devices. A new one takes an entry here. */
export const DEVICES = [
  deviceKind({
    name: 'machine',
    about: 'All that a virtual machine monitor saves besides the devices that are listed.',
    isVfio: false,
    keys: deviceKeys({
      state: ['64KiB', 'estimate: the state of a small machine, with its description'],
      save: [
        '13ms',
        'cloud-hypervisor PR 7979: state 7 ms, and 6 of the 19 ms of send_state, which end when the ' +
          'destination has received (3 ms) and restored (10 ms) it',
      ],
      load: ['13ms', 'cloud-hypervisor PR 7979: recv_snapshot 3 ms, restore 10 ms'],
      reconnect: ['1ms', 'cloud-hypervisor PR 7979: resume 1 ms'],
      reconnectStops: [true, 'the vCPUs are what is resumed'],
    }),
  }),
  deviceKind({
    name: 'virtio-net',
    about: 'A network card whose backend is in the virtual machine monitor or in the kernel.',
    isVfio: false,
    keys: deviceKeys(EMULATED),
  }),
  deviceKind({
    name: 'virtio-blk',
    about: 'A disk whose backend is in the virtual machine monitor.',
    isVfio: false,
    keys: deviceKeys(EMULATED),
  }),
  deviceKind({
    name: 'vhost-user',
    about: 'A device whose backend is another process, which has to connect again.',
    isVfio: false,
    keys: deviceKeys({
      ...EMULATED,
      reconnect: [
        '732ms',
        'cloud-hypervisor issue 3767: of 748 ms downtime 732 ms passed in accept(), server mode',
      ],
      reconnectStops: [
        true,
        'cloud-hypervisor issue 3767: the guest is restored only when the backend has connected',
      ],
    }),
  }),
  deviceKind({
    name: 'vdpa',
    about: 'A network card whose data path is hardware that is set up anew at the destination.',
    isVfio: false,
    keys: deviceKeys({
      ...EMULATED,
      load: [
        '200ms',
        'QEMU RFC "virtio-net: Introduce LM early load", September 2023: creation of queues and RSS may take ' +
          'above 200 ms',
      ],
    }),
  }),
  deviceKind({
    name: 'xen-vif',
    about: 'A network card of Xen that is plugged while the guest stands still.',
    isVfio: false,
    keys: deviceKeys({
      state: SMALL,
      load: ['300ms', 'xenopsd PR 205: plugging it earlier saves 0.3 s a VIF'],
    }),
  }),
  deviceKind({
    name: 'vfio',
    about: 'A virtual function of a network card, with pre-copy data.',
    isVfio: true,
    keys: precopyKeys({
      state: [
        '300MB',
        'QEMU series "Add switchover ack capability and VFIO precopy support", June 2023: an mlx5 device of 300 MB',
      ],
      save: ['90ms', 'half of what the 420 ms of that report leave beside 300 MB over 10 Gbit/s'],
      load: ['90ms', 'the other half of that'],
      initial: ['64KiB', 'estimate: the initial bytes describe the resources to allocate'],
      loadInitial: [
        '1480ms',
        'the same report: 1900 ms of downtime without switchover-ack, 420 ms with it',
      ],
    }),
  }),
  deviceKind({
    name: 'vgpu',
    about: 'A virtual GPU; `state` is the used part of its frame buffer.',
    isVfio: true,
    keys: precopyKeys({
      state: ['1GiB', 'the least of the report below'],
      save: ['300ms', 'half of the 0.6 s that the report below leaves beside its rate'],
      load: ['300ms', 'the other half of that'],
      rate: [
        '684MB/s',
        'VMware vSphere 6.7 U3, stun times of vMotion with a V100 over 10 Gbit/s: 2.17 s with 1 GB in use, ' +
          '50.81 s with 32 GB',
      ],
    }),
  }),
  deviceKind({
    name: 'custom',
    about: 'A device about which the scenario says everything.',
    isVfio: false,
    keys: precopyKeys({}),
  }),
] as const;

export type DeviceName = (typeof DEVICES)[number]['name'];

const BY_NAME: ReadonlyMap<string, DeviceKind> = new Map(
  DEVICES.map((kind) => [kind.name, kind as DeviceKind]),
);

/** Returns the kind of a name. Throws when there is none, which can't happen for a checked device. */
export function deviceNamed(name: string): DeviceKind {
  const kind = BY_NAME.get(name);
  if (!kind) throw new Error(`there is no kind of device of the name ${name}`);
  return kind;
}

/** The devices that a guest has besides those that it lists, by the name of its profile. */
export const DEVICE_PROFILES = {
  none: [],
  /** A small machine of cloud-hypervisor (PR 7979). */
  kvm: ['machine'],
} as const satisfies Readonly<Record<string, readonly DeviceName[]>>;
export type DeviceProfile = keyof typeof DEVICE_PROFILES;
