import {
  defaulted,
  duration,
  flag,
  type Keys,
  optional,
  type Quantity,
  rate,
  type Shape,
  size,
  type ValuesOf,
  whole,
} from '../../units/keys.ts';

/** A default, and where it comes from. */
export type Sourced<Value> = readonly [value: Value, source: string];

/** The defaults of a kind of device; what a kind leaves out is 0. */
export interface DeviceDefaults {
  readonly state?: Sourced<Quantity>;
  readonly save?: Sourced<Quantity>;
  readonly load?: Sourced<Quantity>;
  readonly reconnect?: Sourced<Quantity>;
  readonly reconnectStops?: Sourced<boolean>;
}

/** The defaults of a kind whose state can go in part while the guest runs. */
export interface PrecopyDefaults extends DeviceDefaults {
  readonly initial?: Sourced<Quantity>;
  readonly loadInitial?: Sourced<Quantity>;
  readonly precopy?: Sourced<Quantity>;
  readonly rate?: Sourced<Quantity>;
}

const NOTHING = 'a device of this kind has nothing of it';

/** Returns the keys that every kind has, with the kind's defaults. */
export const deviceKeys = (defaults: DeviceDefaults) => ({
  count: defaulted(whole(1, 256), 1, { about: 'how many such devices the guest has' }),
  state: quantity(
    size,
    defaults.state,
    0,
    'bytes of state that are sent once the guest has been stopped',
  ),
  save: quantity(
    duration,
    defaults.save,
    '0ms',
    'how long the source takes to save that state before it sends it',
  ),
  load: quantity(
    duration,
    defaults.load,
    '0ms',
    'how long the destination takes to load that state once it has come',
  ),
  reconnect: quantity(
    duration,
    defaults.reconnect,
    '0ms',
    'how long it takes at the destination until its backend serves it again',
  ),
  reconnectStops: defaulted(flag, defaults.reconnectStops?.[0] ?? false, {
    about: 'whether the vCPUs wait for its backend; otherwise they run without the device',
    source: defaults.reconnectStops?.[1] ?? NOTHING,
  }),
});

/** Returns the keys of a kind whose state can go in part while the guest runs. */
export const precopyKeys = (defaults: PrecopyDefaults) => ({
  ...deviceKeys(defaults),
  initial: quantity(
    size,
    defaults.initial,
    0,
    'bytes that are sent first, while the guest runs, and never change',
  ),
  loadInitial: quantity(
    duration,
    defaults.loadInitial,
    '0ms',
    'how long the destination takes to load the initial bytes',
  ),
  precopy: quantity(
    size,
    defaults.precopy,
    0,
    'bytes besides these that can be sent while the guest runs',
  ),
  dirtyRate: optional(rate, {
    about: 'how fast these become dirty again while the guest runs; absent: they never do',
  }),
  rate: quantity(
    rate,
    defaults.rate,
    'unlimited',
    'how fast the source can read the state of the device',
  ),
});

function quantity(
  shape: Shape<Quantity>,
  sourced: Sourced<Quantity> | undefined,
  nothing: Quantity,
  about: string,
) {
  const [value, source] = sourced ?? [nothing, NOTHING];
  return defaulted(shape, value, { about, source });
}

/**
 * A kind of device that scenarios know by name. A new one takes an entry in the registry: its keys, and their
 * defaults, each with its source.
 */
export interface DeviceKind<Name extends string = string, Table extends Keys = Keys> {
  readonly name: Name;
  /** One sentence for documents. */
  readonly about: string;
  readonly keys: Table;
  /** Whether QEMU counts its bytes in what is pending, and can't switch to post-copy because of it. */
  readonly isVfio: boolean;
}

type CommonValues = ValuesOf<ReturnType<typeof deviceKeys>>;
type PrecopyValues = ValuesOf<ReturnType<typeof precopyKeys>>;

/** A device as a scenario has it, with its defaults; some of the keys belong to kinds with pre-copy alone. */
export type DeviceValues = CommonValues & Partial<PrecopyValues>;

/** Returns the kind as it is; it gives the checker the types of the kind's own keys. */
export const deviceKind = <Name extends string, Table extends Keys>(
  kind: DeviceKind<Name, Table>,
): DeviceKind<Name, Table> => kind;
