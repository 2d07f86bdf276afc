import { cursorOrder, lineCursorOrder, twiceOrder } from '../page-orders/cursor.ts';
import { bubblingOrder } from '../page-orders/bubbling.ts';
import { gfnLine, type PageLine, swapLine } from '../page-orders/line.ts';
import { withReadahead } from '../page-orders/readahead.ts';
import { queuedOrder } from '../page-orders/queued.ts';
import type { PageOrder } from '../page-orders/page-order.ts';
import { postcopyAfter } from '../policies/postcopy-after.ts';
import type { Policy } from '../policy.ts';
import type { Algorithm } from '../ports.ts';
import { hybridSource, postcopySource } from '../postcopy.ts';
import { precopySource } from '../precopy.ts';
import { plainAccounting, qemuAccounting } from '../accounting.ts';
import { clarkBursts, qemuWindow, type WindowLag } from '../limiters.ts';
import { type QemuOptions, qemuPolicy } from '../policies/qemu.ts';
import { CLARK_RATES, type ClarkOptions, clarkPolicy } from '../policies/clark2005.ts';
import { KUBEVIRT_DEFAULTS, kubevirtStall, kubevirtTimeouts } from '../policies/kubevirt.ts';
import { kubevirtLadder, novaLadder, proxmoxLadder } from '../policies/ladders.ts';
import type { Manager } from '../policies/managers.ts';
import { cloudHypervisorPolicy, sdpsPolicy } from '../policies/rounds-until.ts';
import { xenPolicy } from '../policies/xen.ts';
import { permutedWalk } from '../page-orders/permuted.ts';
import { roundsPolicy } from '../policies/rounds.ts';
import type { SourceReport } from '../source.ts';
import type { SourceOptions, SourceSide } from '../source-session.ts';
import { stopAndCopySource } from '../stop-and-copy.ts';
import type { LinkSpec, MigrationSpec } from './migration-spec.ts';

/** The source's half that a scenario asks for. */
export function sourceAlgorithm(side: SourceSide, config: MigrationSpec): Algorithm<SourceReport> {
  const { pages, pageSize } = side.guest.memory;
  const simple = <State>(policy: Policy<State>): Algorithm<SourceReport> =>
    algorithmWith(side, config, policy, postcopyAfter(policy, config.postcopyAfter));
  switch (config.policy) {
    case 'rounds':
      return simple(roundsPolicy(config.rounds));
    case 'xen':
      return simple(xenPolicy);
    case 'clark2005':
      return simple(clarkPolicy(clarkOptions(config, pages)));
    case 'xen3':
      return simple(clarkPolicy({ ...clarkOptions(config, pages), isAdaptive: false }));
    case 'cloud-hypervisor':
      return simple(
        cloudHypervisorPolicy({
          downtimeMs: config.downtimeLimitNs / 1e6,
          timeoutMs: config.timeoutNs / 1e6,
          timeoutAction: config.timeoutAction ?? 'cancel',
        }),
      );
    case 'sdps':
      return simple(sdpsPolicy(config.downtimeLimitNs / 1e6));
    default:
      return qemuAlgorithm(side, config, pages * pageSize);
  }
}

function qemuAlgorithm(side: SourceSide, config: MigrationSpec, guestBytes: number) {
  const options = qemuOptions(config, guestBytes);
  const after = { rounds: config.postcopyAfter, pollMs: (config.postcopyPollNs ?? 0) / 1e6 };
  // KubeVirt's monitors decide on post-copy themselves.
  const isManaged = config.manager?.startsWith('kubevirt-') ?? false;
  const hybrid = qemuPolicy({
    ...options,
    ...(isManaged ? {} : { postcopyAfter: after }),
  });
  return algorithmWith(side, config, qemuPolicy(options), hybrid);
}

function clarkOptions(config: MigrationSpec, pages: number): ClarkOptions {
  const { startMbit, maxMbit, maxBytesPerSecond, stun } = config;
  return {
    pages,
    startMbit: startMbit ?? CLARK_RATES.startMbit,
    maxMbit: maxMbit ?? CLARK_RATES.maxMbit,
    maxBytesPerSecond,
    ...(stun ? { stun } : {}),
  };
}

function qemuOptions(config: MigrationSpec, guestBytes: number): QemuOptions {
  const { autoConverge, availSwitchoverBytesPerSecond } = config;
  const downtimeLimitMs = config.downtimeLimitNs / 1e6;
  return {
    version: config.qemuVersion ?? '10',
    downtimeLimitMs,
    ...(autoConverge ? { autoConverge } : {}),
    ...(config.dirtyLimit ? { dirtyLimit: config.dirtyLimit } : {}),
    ...(config.manager ? { manager: managerOf(config, downtimeLimitMs, guestBytes) } : {}),
    ...(availSwitchoverBytesPerSecond === undefined ? {} : { availSwitchoverBytesPerSecond }),
  };
}

function managerOf(
  { manager, kubevirt }: MigrationSpec,
  limitMs: number,
  guestBytes: number,
): Manager {
  const options = kubevirt ?? KUBEVIRT_DEFAULTS;
  switch (manager) {
    case 'nova':
      return novaLadder(limitMs, guestBytes);
    case 'kubevirt':
      return kubevirtLadder;
    case 'kubevirt-timeouts':
      return kubevirtTimeouts(options, limitMs, guestBytes);
    case 'kubevirt-stall':
      return kubevirtStall(options, guestBytes);
    default:
      return proxmoxLadder;
  }
}

function algorithmWith<State>(
  side: SourceSide,
  config: MigrationSpec,
  policy: Policy<State>,
  hybrid: Policy<State>,
): Algorithm<SourceReport> {
  switch (config.algorithm) {
    case 'stop-and-copy':
      return stopAndCopySource(side, policy);
    case 'precopy':
      return precopySource(side, policy);
    case 'postcopy':
      return postcopySource(side, orderOf(side, config));
    default:
      return hybridSource(side, hybrid, orderOf(side, config));
  }
}

function orderOf({ guest }: SourceSide, config: MigrationSpec): PageOrder {
  const { swapOrder = 'gfn', swapReadaheadPages = 1 } = config;
  let line: PageLine | undefined;
  // The guest's own order is known once it stands still.
  const lineOf = (): PageLine =>
    (line ??=
      swapOrder === 'gfn' ? gfnLine(guest.memory.pages) : swapLine(guest.swapOrder(swapOrder)));
  const order = pushOrderOf(config, lineOf);
  return swapReadaheadPages > 1 ? withReadahead(order, swapReadaheadPages, lineOf) : order;
}

function pushOrderOf(
  { pageOrder, bubbling, swapOrder = 'gfn' }: MigrationSpec,
  lineOf: () => PageLine,
): PageOrder {
  if (pageOrder === 'twice') return twiceOrder();
  if (pageOrder !== 'bubbling') {
    const follow = pageOrder === 'follow';
    return swapOrder === 'gfn' ? cursorOrder(follow) : lineCursorOrder(follow, lineOf);
  }
  const options = bubbling ?? { pivots: 1, direction: 'dual' };
  const { queuePages = 0, discardsQueue = false } = options;
  const order = bubblingOrder(options, lineOf);
  return queuePages > 0 ? queuedOrder(order, queuePages, discardsQueue) : order;
}

/** `lag`: how late a sender goes on that slept out a window, in a world that has to be told. */
export function sourceOptions(
  link: LinkSpec,
  migration: MigrationSpec,
  guest: { readonly pages: number; readonly pageSize: number },
  lag?: WindowLag,
): SourceOptions {
  return {
    integrity: link.integrity,
    zeroPages: migration.zeroPages,
    linkBytesPerSecond: link.bytesPerSecond,
    linkLatencyNs: link.latencyNs,
    postcopyBytesPerSecond: migration.postcopyBytesPerSecond,
    preempt: migration.preempt ?? false,
    pseudoPaging: migration.pseudoPaging ?? false,
    ...recoveryOf(migration),
    maxBytesPerSecond: migration.maxBytesPerSecond,
    strictRate: migration.strictRate,
    // A timeout that is to be ignored ends the rounds, which its policy does, not the migration.
    timeoutNs: isTimeoutIgnored(migration) ? Infinity : migration.timeoutNs,
    ...pacingOf(migration, guest, lag),
  };
}

/** What both halves know of the recovery of a post-copy. */
export function recoveryOf({ recoverWithinNs }: MigrationSpec): { recoverWithinNs?: number } {
  return recoverWithinNs === undefined ? {} : { recoverWithinNs };
}

function isTimeoutIgnored({ policy, timeoutAction }: MigrationSpec): boolean {
  return policy === 'cloud-hypervisor' && timeoutAction === 'ignore';
}

function pacingOf(
  migration: MigrationSpec,
  { pages, pageSize }: { readonly pages: number; readonly pageSize: number },
  lag?: WindowLag,
): Pick<SourceOptions, 'pacing' | 'walk'> {
  if (migration.policy === 'qemu') {
    const accounting = qemuAccounting(migration.qemuVersion ?? '10', pageSize);
    const limiter = qemuWindow(migration.maxBytesPerSecond, accounting, lag);
    return { pacing: { accounting, limiter } };
  }
  if (migration.policy !== 'clark2005') return {};
  const accounting = plainAccounting(pageSize);
  return { pacing: { accounting, limiter: clarkBursts(accounting) }, walk: permutedWalk(pages) };
}
