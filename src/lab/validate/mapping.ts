import type { Pattern, Workload } from '../../guest/workload.ts';
import type { Contents } from '../../memory/contents/contents.ts';
import { packetPages } from '../../migration/accounting.ts';
import { AUTO_CONVERGE_DEFAULTS } from '../../migration/policies/auto-converge.ts';
import type { RunConfig } from '../../runtime/config.ts';
import { MAX_CHANNELS } from '../../wire/limits.ts';
import { COST_PROFILES, type Costs } from '../../runtime/costs.ts';
import {
  isLinux,
  LINUX_ACCESS_NS,
  linuxContents,
  linuxWorkloads,
  missingTrace,
} from './linux-guest.ts';
import { type MeasuredHost, type MeasuredRun, MIB_PAGES, PAGE } from './measured.ts';

/** Larger guests never have real bytes, which need their memory twice, on both sides. */
export const MOST_BYTES_MIB = 2048;
/** The page at which the region begins that the measured guest fills with contents. */
const FILL_FROM = 2 * MIB_PAGES;
/** Pages of firmware and video memory; QEMU has them in blocks that it sends last. */
const FIRMWARE_PAGES = 130;
/**
 * Non-zero pages outside the filled region (firmware, and the guest's own pages), by QEMU's version;
 * with KVM there are `kvmLess` fewer.
 */
const NON_ZERO = { '7.2': 95, '10': 98, kvmLess: 3 } as const;
/** How many of these pages are in the firmware's blocks; the others are in low memory. */
const NON_ZERO_FIRMWARE = 64;
/** The page with the guest's counter and stack, which it writes at each tick. */
const TICK_PAGE = 0x10a;
/** From this revision on the measured guest counts time by the TSC, and makes up for ticks that it missed. */
const CATCHES_UP_FROM = 3;
/** Time to build and send the 99 kB description of the devices, which post-copy leaves out. */
const DESCRIPTION_NS = 3e6;
/** The interval at which the client that measured asks QEMU whether to start post-copy. */
const POLL_NS = 50e6;

const CONTENTS: ReadonlyMap<string, Contents['kind']> = new Map([
  ['random', 'random'],
  ['text', 'text'],
  ['zero', 'zero'],
  ['duplicate', 'duplicate'],
] as const);

/** How the measured guest chooses pages, and the pattern that does the same. */
const PATTERNS: ReadonlyMap<string, (run: MeasuredRun) => Pattern> = new Map([
  ['seq', () => ({ kind: 'sequential' })],
  ['random', () => ({ kind: 'uniform' })],
  ['hotspot', hotspotOf],
]);

function hotspotOf({ inputs }: MeasuredRun): Pattern {
  const hotPages = Math.max(1, Math.floor((inputs.wws_pages * inputs.hot_share_pct) / 100));
  return { kind: 'hotspot', hotPages, hotAccesses: inputs.hot_access_pct / 100 };
}

/** Returns the reason for which a measured run can't be predicted; undefined when it can. */
export function unsupportedReason(run: MeasuredRun, folder: string): string | undefined {
  const { inputs, outcome } = run;
  if (outcome !== 'completed' && outcome !== 'cancelled') return `it ended ${outcome}`;
  const modes = ['precopy', 'postcopy', 'stopcopy'];
  if (!modes.includes(inputs.mode)) return `mode ${inputs.mode} is not known`;
  if (!isLinux(run)) {
    if (!CONTENTS.has(inputs.content)) return `contents ${inputs.content} are not known`;
    if (!PATTERNS.has(inputs.pattern)) return `pattern ${inputs.pattern} is not known`;
  }
  const known = new Set([
    'auto-converge',
    'postcopy-preempt',
    'postcopy-ram',
    'events',
    'xbzrle',
    'multifd',
  ]);
  const cap = inputs.caps.find((name) => !known.has(name));
  if (cap !== undefined) return `capability ${cap} is not built yet`;
  if (inputs.caps.includes('xbzrle') && inputs.ram_mib > MOST_BYTES_MIB)
    return `xbzrle needs real bytes, of which a guest may have at most ${MOST_BYTES_MIB} MiB`;
  return multifdReason(run) ?? (isLinux(run) ? missingTrace(run, folder) : undefined);
}

/** Returns the reason for which a run over channels can't be predicted. */
function multifdReason({ inputs: { caps, params, mode } }: MeasuredRun): string | undefined {
  if (!caps.includes('multifd')) return undefined;
  if (caps.includes('xbzrle')) return 'QEMU does not take multifd and xbzrle together';
  const { 'multifd-compression': method = 'none', 'multifd-channels': channels = 2 } = params;
  if (method !== 'none') return `multifd-compression ${String(method)} is not built yet`;
  const isCount = typeof channels === 'number' && Number.isInteger(channels) && channels >= 1;
  if (!isCount || channels > MAX_CHANNELS) {
    return `multifd-channels ${JSON.stringify(channels)} is no number of channels from 1 to ${MAX_CHANNELS}`;
  }
  return mode === 'postcopy' ? 'post-copy with multifd is not built yet as QEMU has it' : undefined;
}

/**
 * Returns how pages travel over channels: in packets of 512 KiB. 7.2 looks for zero pages in its main thread, as 10.0 does
 * when it is told to.
 */
function channelsOf(
  { inputs: { caps, params } }: MeasuredRun,
  version: '7.2' | '10',
): Partial<RunConfig['migration']> {
  if (!caps.includes('multifd')) return {};
  const { 'multifd-channels': channels = 2, 'zero-page-detection': detection } = params;
  const isLegacy = version === '7.2' || detection === 'legacy';
  return {
    channels: channels as number,
    packetPages: packetPages(PAGE),
    zeroPageDetection: isLegacy ? 'legacy' : 'multifd',
  };
}

/** Returns the configuration of a measured run. It uses the run's inputs alone, never its results. */
export function configOf(run: MeasuredRun, host: MeasuredHost, folder: string): RunConfig {
  const { inputs } = run;
  const version = run.qemu_version.major >= 8 ? '10' : '7.2';
  const assumed = inputs.params['avail-switchover-bandwidth'];
  const isIdle = inputs.rate < 0 || inputs.mode === 'stopcopy' || inputs.wws_pages === 0;
  const memoryPages = inputs.ram_mib * MIB_PAGES + FIRMWARE_PAGES;
  const perSecond = run.guest_before.page_writes_per_s;
  // The guest has made some writes before the migration, so the workload has run for as long at its start.
  const ahead = run.guest_before.writes_total % Math.max(1, inputs.wws_pages);
  const startAfterNs = isIdle || perSecond === 0 ? 0 : Math.round((ahead / perSecond) * 1e9);
  return {
    seed: 1,
    runtime: 'virtual',
    costs: costsOf(run, host),
    guest: {
      memoryBytes: memoryPages * PAGE,
      pageSize: PAGE,
      vcpus: inputs.smp,
      dirtyLog: 'bitmap',
      dirtyRingSize: 4096,
      memslots: 1,
      ...(isLinux(run)
        ? { contents: linuxContents(run, memoryPages), workloads: linuxWorkloads(run, folder) }
        : { contents: contentsOf(run, version), workloads: isIdle ? [] : workloadsOf(run) }),
    },
    link: { bytesPerSecond: Infinity, latencyNs: 20e3, integrity: 'header' },
    migration: {
      algorithm: inputs.mode === 'postcopy' ? 'hybrid' : 'precopy',
      policy: 'qemu',
      qemuVersion: version,
      rounds: 1,
      postcopyAfter: inputs.postcopy_after_pass - 1,
      postcopyPollNs: POLL_NS,
      postcopyBytesPerSecond: inputs.postcopy_bandwidth || Infinity,
      preempt: inputs.caps.includes('postcopy-preempt'),
      pageOrder: 'follow',
      maxBytesPerSecond: inputs.max_bandwidth || Infinity,
      strictRate: false,
      downtimeLimitNs: inputs.downtime_limit_ms * 1e6,
      startAfterNs,
      runAfterNs: 0,
      timeoutNs: inputs.timeout_s * 1e9,
      ...encodingsOf(run),
      ...channelsOf(run, version),
      ...(typeof assumed === 'number' && assumed > 0
        ? { availSwitchoverBytesPerSecond: assumed }
        : {}),
      ...(inputs.caps.includes('auto-converge') ? { autoConverge: autoConvergeOf(run) } : {}),
    },
    verify: 'off',
  };
}

/** Returns the encodings of a measured run; QEMU's own default is the size of a cache that it does not name. */
function encodingsOf({ inputs }: MeasuredRun): Pick<RunConfig['migration'], 'encodings'> & {
  readonly xbzrleCacheBytes?: number;
} {
  if (!inputs.caps.includes('xbzrle')) return { encodings: ['zero'] };
  const { xbzrle_cache: bytes } = inputs;
  return {
    encodings: ['zero', 'xbzrle'],
    ...(bytes === undefined ? {} : { xbzrleCacheBytes: bytes }),
  };
}

function costsOf(run: MeasuredRun, host: MeasuredHost): Costs {
  const { inputs, guest_before: before } = run;
  const profile = COST_PROFILES['qemu-tcg'];
  const firstSend = host.firstSendBytesPerSecond ?? host.rawSendBytesPerSecond;
  return {
    ...profile,
    // KVM's dirty log is read while the vCPUs run; TCG's waits for them.
    harvestWaitsForVcpus: inputs.accel !== 'kvm',
    stateNs: profile.stateNs + (inputs.mode === 'postcopy' ? 0 : DESCRIPTION_NS),
    rawSendBytesPerSecond:
      (profile.rawSendBytesPerSecond / profile.firstSendBytesPerSecond) * firstSend,
    firstSendBytesPerSecond: firstSend,
    ...(isLinux(run) ? { accessNs: LINUX_ACCESS_NS } : {}),
    ...(inputs.rate === 0 && before.page_writes_per_s > 0
      ? { accessNs: 1e9 / before.page_writes_per_s }
      : {}),
  };
}

function contentsOf(run: MeasuredRun, version: '7.2' | '10'): Contents[] {
  const { inputs } = run;
  const low =
    NON_ZERO[version] - (inputs.accel === 'kvm' ? NON_ZERO.kvmLess : 0) - NON_ZERO_FIRMWARE;
  const ram = inputs.ram_mib * MIB_PAGES;
  const kind = CONTENTS.get(inputs.content) ?? 'random';
  return [
    { firstGfn: 1, pages: low, kind: 'random', zeroShare: 0 },
    { firstGfn: ram, pages: NON_ZERO_FIRMWARE, kind: 'random', zeroShare: 0 },
    {
      firstGfn: FILL_FROM,
      pages: Math.min(Math.round(inputs.fill_mib * MIB_PAGES), ram - FILL_FROM),
      kind,
      zeroShare: inputs.zero_pct / 100,
    },
    // If the guest has already written its whole working set, these pages have random contents.
    ...(run.guest_before.writes_total >= inputs.wws_pages && inputs.wws_pages > 0
      ? [
          {
            firstGfn: Math.floor(inputs.hot_start / PAGE),
            pages: inputs.wws_pages,
            kind: 'random' as const,
            zeroShare: 0,
          },
        ]
      : []),
  ];
}

function workloadsOf(run: MeasuredRun): Workload[] {
  const { inputs, guest_before: before } = run;
  // One vCPU writes; the others of the measured guest stand still.
  const always = {
    vcpu: 0,
    writes: 1,
    fromNs: 0,
    untilNs: Infinity,
    ...((inputs.guest_rev ?? 0) >= CATCHES_UP_FROM ? { catchUpNs: Infinity } : {}),
  };
  const ticks = before.ticks_per_s;
  const hot: Workload = {
    ...always,
    pattern: PATTERNS.get(inputs.pattern)!(run),
    firstGfn: Math.floor(inputs.hot_start / PAGE),
    pages: inputs.wws_pages,
    rate: inputs.rate === 0 ? Infinity : before.page_writes_per_s,
    // The word of the counter's page that the tick writes is left to the tick.
    wordsPerPage: Math.min(inputs.words_per_page, PAGE / 8 - 1),
    ...(ticks > 0 ? { tickNs: 1e9 / ticks } : {}),
  };
  if (ticks === 0) return [hot];
  const tick: Workload = {
    ...always,
    pattern: { kind: 'sequential' },
    firstGfn: TICK_PAGE,
    pages: 1,
    rate: ticks,
    wordsPerPage: 1,
    tickNs: 1e9 / ticks,
  };
  return [hot, tick];
}

function autoConvergeOf({ inputs: { params } }: MeasuredRun): typeof AUTO_CONVERGE_DEFAULTS {
  const share = (name: string, other: number): number =>
    typeof params[name] === 'number' ? Math.min(0.99, params[name] / 100) : other;
  return {
    trigger: share('throttle-trigger-threshold', AUTO_CONVERGE_DEFAULTS.trigger),
    initial: share('cpu-throttle-initial', AUTO_CONVERGE_DEFAULTS.initial),
    increment: share('cpu-throttle-increment', AUTO_CONVERGE_DEFAULTS.increment),
    max: share('max-cpu-throttle', AUTO_CONVERGE_DEFAULTS.max),
    tailSlow: params['cpu-throttle-tailslow'] === true,
  };
}
