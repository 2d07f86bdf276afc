import { CHOSEN_ENCODINGS, LATER_ENCODINGS } from '../../wire/encodings.ts';
import {
  choice,
  defaulted,
  duration,
  flag,
  type Keys,
  kindOf,
  list,
  type Needs,
  optional,
  positiveDuration,
  rate,
  type ValuesOf,
  whole,
} from '../../units/keys.ts';
import { PAGE_ORDERS } from '../page-orders/registry.ts';
import { POLICIES } from '../policies/registry.ts';
import { ALGORITHMS } from './common-spec.ts';
import { needsHybrid, needsPostcopy } from './needs.ts';

/** The keys of a scenario's `migration`: those here, and those of its policies and page orders. */

type Named<Kinds extends readonly { readonly name: string }[]> = {
  -readonly [Index in keyof Kinds]: Kinds[Index]['name'];
};

const namesOf = <const Kinds extends readonly { readonly name: string }[]>(kinds: Kinds) =>
  kinds.map(({ name }) => name) as Named<Kinds>;

type Intersection<Union> = (Union extends unknown ? (one: Union) => void : never) extends (
  one: infer All,
) => void
  ? All
  : never;

/** The keys of all kinds of a registry, in its order. */
const keysOf = <const Kinds extends readonly { readonly keys: Keys }[]>(kinds: Kinds) =>
  Object.assign({}, ...kinds.map(({ keys }) => keys)) as Intersection<Kinds[number]['keys']>;

/** KubeVirt's monitors decide on post-copy themselves. */
const needsOwnSwitch: Needs = (siblings, part) => {
  const { policy, downtimeLadder } = siblings;
  const isManaged = policy === 'qemu' && String(downtimeLadder).startsWith('kubevirt-');
  if (!isManaged) return needsHybrid(siblings, part);
  return `is decided on by downtimeLadder ${String(downtimeLadder)}: leave it out`;
};

const needsRecovery: Needs = (siblings, part) =>
  siblings['postcopyRecovery'] === false
    ? 'is of a post-copy that is recovered: leave it out, or set postcopyRecovery: true'
    : needsPostcopy(siblings, part);

const POSTCOPY_KEYS = {
  postcopyAfter: defaulted(whole(0, 10_000), 1, {
    about: 'live rounds of hybrid before the switch; 0: none',
    source: 'the least that sends every page once while the guest runs at the source',
    needs: needsOwnSwitch,
  }),
  postcopyBandwidth: defaulted(rate, 'unlimited', {
    about: 'limit of the push after the switch',
    source: 'QEMU: max-postcopy-bandwidth 0, no limit',
    needs: needsPostcopy,
  }),
  postcopyPreempt: defaulted(flag, false, {
    about: 'requested pages have a channel of their own, which no limit holds back',
    source: 'QEMU, capability postcopy-preempt',
    needs: needsPostcopy,
  }),
  postcopyRecovery: defaulted(flag, true, {
    about: 'false: a post-copy that loses its connection is lost',
    source: 'QEMU: a post-copy whose connection fails is paused, not failed',
    needs: needsPostcopy,
  }),
  postcopyRecoveryTimeout: defaulted(positiveDuration, '60s', {
    about: 'how long a post-copy without a connection waits for another',
    source: 'as long as timeout: QEMU waits until a person acts, and an emulation has to end',
    needs: needsRecovery,
  }),
  pseudoPaging: defaulted(flag, false, {
    about: 'post-copy moves what the guest can not page in its downtime',
    source: 'Hines & Gopalan 2009 have it, others serve faults of all memory',
    needs: needsPostcopy,
  }),
  pageOrder: defaulted(kindOf(namesOf(PAGE_ORDERS)), 'follow', {
    about: 'which pages the push sends next',
    source: 'QEMU: the background scan goes on from a requested page',
    needs: needsPostcopy,
  }),
  swapOrder: defaulted(choice(['gfn', 'allocation', 'lru']), 'gfn', {
    about: 'in which order pages lie in front of the push',
    source: 'QEMU: as they lie in memory',
    needs: needsPostcopy,
  }),
  swapReadaheadPages: defaulted(whole(1, 64), 1, {
    about: 'pages of an aligned cluster that go out with a requested one',
    source: 'QEMU: the requested page alone',
    needs: needsPostcopy,
  }),
};

const COMMON_KEYS = {
  maxBandwidth: optional(rate, {
    about: "the migration's own limit, lifted after the pause of pre-copy; absent: the link's",
  }),
  strictRate: defaulted(flag, false, {
    about: 'the limit holds on after the pause',
    source: 'QEMU: sends what is left without a limit',
  }),
  downtimeLimit: defaulted(positiveDuration, '300ms', {
    about: 'the downtime that a policy aims at, and that predictions of a result are made for',
    source: 'QEMU, migration/options.c, DEFAULT_MIGRATE_SET_DOWNTIME',
  }),
  startAfter: defaulted(duration, '1s', { about: 'the guest runs so long before' }),
  runAfter: defaulted(duration, '1s', { about: 'the guest runs so long after' }),
  timeout: defaulted(positiveDuration, '60s', {
    about: 'a migration that is not over by then is given up',
  }),
  encodings: defaulted(
    list(choice(CHOSEN_ENCODINGS, { later: LATER_ENCODINGS }), 'expected a list such as [zero]'),
    ['zero'],
    {
      about: 'how pages are sent; []: zero pages are sent like others',
      source: 'QEMU looks for zero pages unless told otherwise',
    },
  ),
};

export const MIGRATION_KEYS = {
  algorithm: defaulted(choice(ALGORITHMS), 'precopy', {
    about: 'stop and copy, pre-copy, post-copy, or pre-copy first and post-copy then',
  }),
  policy: defaulted(kindOf(namesOf(POLICIES)), 'qemu', {
    about: 'who decides when pre-copy goes on, harvests and stops',
  }),
  ...keysOf(POLICIES),
  ...POSTCOPY_KEYS,
  ...keysOf(PAGE_ORDERS),
  ...COMMON_KEYS,
};

/** A migration as a scenario has it: checked values, defaults filled in, quantities as written. */
export type WrittenMigration = ValuesOf<typeof MIGRATION_KEYS>;
