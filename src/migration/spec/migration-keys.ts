import { CHOSEN_ENCODINGS } from '../../wire/encodings.ts';
import { MAX_CHANNELS } from '../../wire/limits.ts';
import {
  choice,
  defaulted,
  duration,
  flag,
  type Keys,
  kindOf,
  list,
  map,
  type Needs,
  optional,
  positiveDuration,
  positiveSize,
  rate,
  size,
  type ValuesOf,
  whole,
} from '../../units/keys.ts';
import { PAGE_ORDERS } from '../page-orders/registry.ts';
import { managerNamed, MANAGERS } from '../policies/manager-registry.ts';
import { POLICIES } from '../policies/registry.ts';
import { ALGORITHMS, ZERO_PAGE_DETECTIONS } from './common-spec.ts';
import {
  needsCompressor,
  needsChannels,
  needsHints,
  needsHybrid,
  needsLevels,
  needsNoPostcopy,
  needsOrdinaryPages,
  needsOwnDecisions,
  needsPostcopy,
  needsRounds,
  needsXbzrle,
} from './needs.ts';

/** The keys of a scenario's `migration`: those of this file, of the policies and of the page orders. */

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

/** Returns the keys of all kinds of a registry, in its order. */
const keysOf = <const Kinds extends readonly { readonly keys: Keys }[]>(kinds: Kinds) =>
  Object.assign({}, ...kinds.map(({ keys }) => keys)) as Intersection<Kinds[number]['keys']>;

/** Under a manager that decides on post-copy itself the key has no effect. */
const needsOwnSwitch: Needs = (siblings, part) => {
  const { policy, downtimeLadder } = siblings;
  const manager = policy === 'qemu' ? managerNamed(downtimeLadder) : undefined;
  const settings = siblings[manager?.settings ?? ''] as Readonly<Record<string, unknown>>;
  const isManaged = manager?.decidesOnPostcopy(settings);
  if (!isManaged) return needsHybrid(siblings, part);
  return `is decided on by downtimeLadder ${String(downtimeLadder)}: leave it out`;
};

const needsRecovery: Needs = (siblings, part) =>
  siblings['postcopyRecovery'] === false
    ? 'has an effect only with postcopyRecovery, which is off: leave it out, or set postcopyRecovery: true'
    : needsPostcopy(siblings, part);

const needsPreempt: Needs = (siblings, part) =>
  siblings['postcopyPreempt'] === true
    ? needsPostcopy(siblings, part)
    : 'has an effect only with postcopyPreempt, which is off: leave it out, or set postcopyPreempt: true';

/** Only policy qemu has a program beside it that asks for post-copy. */
const needsPoll: Needs = (siblings, part) =>
  siblings['policy'] === 'qemu'
    ? needsOwnSwitch(siblings, part)
    : 'has an effect only with policy qemu, whose post-copy another program asks for: leave it out';

const POSTCOPY_KEYS = {
  postcopyAfter: defaulted(whole(0, 10_000), 1, {
    about: 'the number of live rounds before hybrid switches to post-copy',
    source: 'one round is the least that sends every page while the guest runs at the source',
    needs: needsOwnSwitch,
  }),
  postcopyBandwidth: defaulted(rate, 'unlimited', {
    about: 'the rate limit of the pages that are pushed after the switch to post-copy',
    source: 'QEMU: max-postcopy-bandwidth is 0, which means no limit',
    needs: needsPostcopy,
  }),
  postcopyPreempt: defaulted(flag, false, {
    about: 'whether requested pages have a channel of their own, which no limit holds back',
    source: 'QEMU, capability postcopy-preempt',
    needs: needsPostcopy,
  }),
  postcopyBreakHuge: defaulted(flag, true, {
    about:
      'whether a requested page may leave between the parts of a huge page that is being pushed',
    source: 'QEMU, x-postcopy-preempt-break-huge; from QEMU 8.0 on each channel has a thread',
    needs: needsPreempt,
  }),
  postcopyPoll: defaulted(duration, '0s', {
    about:
      'how often the program that asks for post-copy looks whether postcopyAfter rounds are over; 0s: always',
    source: 'a program that waits for events of libvirt notices at once',
    needs: needsPoll,
  }),
  postcopyRecovery: defaulted(flag, true, {
    about: 'whether a post-copy that loses its connection waits for a new one; otherwise it fails',
    source: 'QEMU: a post-copy whose connection fails is paused, not failed',
    needs: needsPostcopy,
  }),
  postcopyRecoveryTimeout: defaulted(positiveDuration, '60s', {
    about: 'how long a post-copy waits for a new connection',
    source: 'as long as timeout; QEMU waits until a person acts, but an emulation has to end',
    needs: needsRecovery,
  }),
  pseudoPaging: defaulted(flag, false, {
    about: 'whether post-copy sends in its downtime the pages that the guest can not swap out',
    source: 'Hines & Gopalan 2009 do; QEMU serves faults on all pages and does not need it',
    needs: needsPostcopy,
  }),
  pageOrder: defaulted(kindOf(namesOf(PAGE_ORDERS)), 'follow', {
    about: 'the order in which post-copy pushes pages that are not requested',
    source: 'QEMU: the background scan goes on from a requested page',
    needs: needsPostcopy,
  }),
  swapOrder: defaulted(choice(['gfn', 'allocation', 'lru']), 'gfn', {
    about: 'the order of the pages through which the page order walks',
    source: 'QEMU: the order in memory',
    needs: needsPostcopy,
  }),
  swapReadaheadPages: defaulted(whole(1, 64), 1, {
    about: 'the size of the aligned cluster of pages that is sent when one of them is requested',
    source: 'QEMU: the requested page is sent alone',
    needs: needsPostcopy,
  }),
};

/** Says which downtime limit each manager brings, such as `500ms for nova`. */
function describeLimits(): string {
  return MANAGERS.map(({ name, defaults }) => `${defaults.downtimeLimit} for ${name}`).join(', ');
}

const aroundKey = (about: string) =>
  defaulted(duration, '0s', {
    about,
    source: 'how long a manager takes differs from one to the next',
  });

/** What a manager does before and after a migration, which QEMU's own figures leave out. */
const AROUND_KEYS = {
  startTarget: aroundKey('how long it takes to start the target, before the migration'),
  tunnel: aroundKey('how long it takes then to open a tunnel for the migration'),
  setup: aroundKey('how long it takes then until the migration begins'),
  cleanup: aroundKey('how long the manager cleans up after the migration'),
};

const COMMON_KEYS = {
  switchoverAck: optional(flag, {
    about:
      'whether the guest is stopped only once the destination has loaded the initial bytes of its devices ' +
      '(QEMU: capability switchover-ack); absent: it is stopped without that',
    needs: needsRounds,
  }),
  freePageHints: optional(flag, {
    about:
      'whether the guest hints its free pages, which are then not sent (QEMU: free-page-hint of virtio-balloon); absent: it does not',
    needs: needsNoPostcopy,
  }),
  freePageHintBlock: optional(size, {
    about:
      'the size of the aligned blocks that are hinted if they are free throughout; absent: 4MiB, the largest block of the buddy allocator on x86',
    needs: needsHints,
  }),
  around: optional(map(AROUND_KEYS), {
    about: 'what the manager does around the migration; absent: nothing that takes time',
  }),
  maxBandwidth: optional(rate, {
    about:
      "the migration's own rate limit, which ends when pre-copy pauses the guest; absent: none",
  }),
  strictRate: defaulted(flag, false, {
    about: 'whether maxBandwidth still holds when the guest has been paused',
    source: 'QEMU sends the rest without a limit',
  }),
  downtimeLimit: defaulted(positiveDuration, '300ms', {
    about:
      'the downtime that the policy aims at, and for which a result predicts runs; under downtimeLadder nova and kubevirt the highest one, under proxmox and ovirt the first one',
    source: `QEMU, migration/options.c, DEFAULT_MIGRATE_SET_DOWNTIME; under a downtimeLadder ${describeLimits()}`,
  }),
  startAfter: defaulted(duration, '1s', { about: 'how long the guest runs before the migration' }),
  runAfter: defaulted(duration, '1s', { about: 'how long the guest runs after the migration' }),
  timeout: defaulted(positiveDuration, '60s', {
    about: 'how long a migration may take before it is given up',
  }),
  recordPages: optional(flag, {
    about:
      'whether the result says which pages were sent how often, and dirtied when (its field pages); absent: it does not',
  }),
  encodings: defaulted(list(choice(CHOSEN_ENCODINGS), 'expected a list such as [zero]'), ['zero'], {
    about:
      'the encodings of pages besides raw; with [], zero pages are sent like others; xbzrle sends what has changed of a page, reference names an equal one, zlib, lz4 or zstd compresses pages, and mecom also codes their words, whichever suits a page',
    source: 'QEMU looks for zero pages by default',
  }),
  channels: optional(whole(1, MAX_CHANNELS), {
    about:
      'how many channels carry pages beside the main one (QEMU: multifd-channels), unless it is 1; absent: 1, so that all frames take one channel',
    needs: needsOrdinaryPages,
  }),
  zeroPageDetection: optional(choice(ZERO_PAGE_DETECTIONS), {
    about:
      'who looks for zero pages: each channel (multifd), or the main thread for all of them (legacy, as QEMU did before 9.0); absent: multifd',
    needs: needsChannels,
  }),
  xbzrleCacheSize: optional(positiveSize, {
    about:
      'the memory in which the encoding xbzrle keeps what was sent last, rounded down to a power of two of pages; absent: 64MiB',
    needs: needsXbzrle,
  }),
  compressionLevel: optional(whole(1, 19), {
    about:
      'how hard zlib (1 to 9) or zstd (1 to 19) tries to make pages small; absent: 1, as for multifd-zlib-level and multifd-zstd-level of QEMU',
    needs: needsLevels,
  }),
  compressionBlock: optional(positiveSize, {
    about:
      'how many bytes of pages are compressed as one block, whole pages of one frame; absent: all those of a frame',
    needs: needsCompressor,
  }),
};

export const MIGRATION_KEYS = {
  algorithm: defaulted(choice(ALGORITHMS), 'precopy', {
    about: 'the algorithm; hybrid is pre-copy first and post-copy for the pages that are left',
  }),
  policy: defaulted(kindOf(namesOf(POLICIES)), 'qemu', {
    about: 'the rules by which pre-copy goes on, harvests the dirty log and stops the guest',
    needs: needsOwnDecisions,
  }),
  ...keysOf(POLICIES),
  ...POSTCOPY_KEYS,
  ...keysOf(PAGE_ORDERS),
  ...COMMON_KEYS,
};

/** A migration as a scenario has it, checked and with defaults filled in; quantities are still as written. */
export type WrittenMigration = ValuesOf<typeof MIGRATION_KEYS>;
