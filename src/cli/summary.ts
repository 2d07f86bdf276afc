import { managerNamed } from '../migration/policies/manager-registry.ts';
import { colours } from './colours.ts';
import type { RunResult } from '../result/schema.ts';
import { sentAgainSentences } from '../result/page-sentence.ts';
import type { RunReport } from '../runtime/report.ts';
import { parseDuration } from '../units/duration.ts';
import { formatBitRate } from '../units/rate.ts';
import { formatSize } from '../units/size.ts';
import { type Column, layOut, lineWidth } from './columns.ts';
import { deviceLines } from './summary-devices.ts';
import { condense, formatCount, formatMs, sparkline } from './format.ts';

/** Formats the summary that is printed after a run. */
export function summary(result: RunResult, wall?: RunReport['wall']): string {
  const lines = [
    headline(result),
    '',
    ...roundTable(result),
    ...downtime(result),
    ...deviceLines(result),
    ...postcopy(result),
    ...recordedPages(result),
    ...pauses(result),
    ...guest(result),
    ...vectors(result),
    ...balloon(result),
    ...hints(result),
    proof(result),
    ...speed(result, wall),
    ...caveats(result),
  ];
  return `${lines.join('\n')}\n`;
}

function headline(result: RunResult): string {
  const scenario = result.scenario as {
    name?: string;
    guest: { vcpus: number };
    migration: {
      algorithm: string;
      policy: string | { readonly export: string };
      postcopyAfter: number;
      [key: string]: unknown;
    };
    link: { bandwidth: string | number };
  };
  const { migration } = scenario;
  const how = describeAlgorithm(migration);
  const what = `${formatSize(result.ram.total)} guest, ${scenario.guest.vcpus} vCPU${scenario.guest.vcpus === 1 ? '' : 's'}, ${how}, link ${scenario.link.bandwidth}`;
  const colour = result.outcome === 'completed' ? colours.green : colours.red;
  const title = colours.bold(scenario.name ?? 'run');
  const outcome = colour(result.outcome + (result.guestLost ? ', guest lost' : ''));
  const why = result.error === undefined ? '' : `: ${result.error}`;
  const wall =
    result.wallTimeMs === undefined
      ? ''
      : `, ${formatMs(result.wallTimeMs)} with what its manager did before and after`;
  return `${title}: ${what}\n${outcome} in ${formatMs(result.totalTimeMs)}${wall}${why}`;
}

function describeAlgorithm(migration: {
  algorithm: string;
  policy: string | { readonly export: string };
  postcopyAfter: number;
  [key: string]: unknown;
}): string {
  const { algorithm, postcopyAfter } = migration;
  const policy =
    typeof migration.policy === 'string' ? migration.policy : `${migration.policy.export} (own)`;
  if (algorithm === 'precopy') return `pre-copy, policy ${policy}`;
  if (algorithm === 'postcopy') return 'post-copy';
  if (algorithm !== 'hybrid') return algorithm;
  const manager = managerNamed(migration['downtimeLadder']);
  const settings = manager && (migration[manager.settings] as Record<string, unknown> | undefined);
  if (manager?.decidesOnPostcopy(settings))
    return `hybrid, post-copy when ${manager.name} decides, policy ${policy}`;
  return `hybrid, post-copy after ${postcopyAfter} round${postcopyAfter === 1 ? '' : 's'}, policy ${policy}`;
}

/** When there are more rounds than this, only the first and the last are shown. */
const MOST_ROUNDS = 16;

/** Round, start, time, pages, zero, skipped, sent, link, dirtied, dirty rate. */
const ROUND_COLUMNS: readonly Column[] = [Infinity, 3, 9, 7, 2, 1, 8, 5, 6, 4].map((weight) => ({
  weight,
}));

function roundTable(result: RunResult): string[] {
  const { rounds, ram } = result;
  if (rounds.length === 0) return [];
  const head = [
    'round',
    'start',
    'time',
    'pages',
    'zero',
    'skipped',
    'sent',
    'link',
    'dirtied',
    'dirty rate',
  ];
  const rows = rounds.map((round) => [
    round.stopped ? 'stopped' : String(round.index),
    formatMs(round.startMs),
    formatMs(round.durationMs),
    String(round.pages),
    String(round.zeroPages),
    String(round.skippedPages),
    formatSize(round.bytes),
    round.bandwidthBytesPerSecond === undefined ? '' : formatBitRate(round.bandwidthBytesPerSecond),
    round.stopped ? '' : String(round.dirtiedPages),
    round.dirtyPagesPerSecond === undefined ? '' : `${formatCount(round.dirtyPagesPerSecond)}/s`,
  ]);
  const [title = '', ...body] = layOut(ROUND_COLUMNS, [head, ...rows], lineWidth(process.stdout));
  const left = body.length - MOST_ROUNDS;
  const shown =
    left > 0
      ? [...body.slice(0, 8), colours.dim(`… ${left} more rounds`), ...body.slice(-8)]
      : body;
  const referred = ram.deduplicated === undefined ? '' : `, ${ram.deduplicated} by reference`;
  const total = `sent ${formatSize(ram.transferred)} of a ${formatSize(ram.total)} guest: ${ram.normal} normal and ${ram.duplicate} zero pages${referred}, ${ram.dirtySyncCount} dirty syncs`;
  return [
    colours.dim(title),
    ...shown,
    total,
    ...xbzrleLine(ram),
    ...compressionLine(ram),
    ...channelsLine(result),
    '',
  ];
}

function xbzrleLine({ xbzrle }: RunResult['ram']): string[] {
  if (!xbzrle) return [];
  const { pages, bytes, cacheMisses, overflow, cacheBytes } = xbzrle;
  const notes = overflow > 0 ? `, ${overflow} overflowed` : '';
  return [
    `xbzrle: ${pages} pages were found in the cache of ${formatSize(cacheBytes)} and took ${formatSize(bytes)}, ${cacheMisses} were not${notes}`,
  ];
}

function compressionLine({ compression, pageSize, encodings = [] }: RunResult['ram']): string[] {
  if (!compression) return [];
  const { method, pages, compressedSize, incompressible, skipped } = compression;
  const cpuMs = encodings.find(({ encoding }) => encoding === method)?.cpuMs;
  const cpu = cpuMs === undefined ? '' : ` in ${formatMs(cpuMs)} of CPU time`;
  const raw = incompressible + skipped;
  const notes = raw > 0 ? `; ${raw} do not compress, ${skipped} of them went untried` : '';
  const coded = encodings.filter(({ encoding }) => encoding === 'words' || encoding === 'sparse');
  return [
    ...coded
      .filter((one) => one.pages > 0)
      .map((one) => `${one.encoding}: ${one.pages} pages took ${formatSize(one.bytes)}`),
    `${method}: ${pages} pages of ${formatSize(pages * pageSize)} took ${formatSize(compressedSize)}${cpu}${notes}`,
  ];
}

function channelsLine({ channels, totalTimeMs }: RunResult): string[] {
  if (!channels) return [];
  const { each, flushes } = channels;
  const of = (take: (one: (typeof each)[number]) => number, format: (value: number) => string) => {
    const values = each.map(take);
    return `${format(Math.min(...values))} to ${format(Math.max(...values))}`;
  };
  const bytes = of((one) => one.bytes, formatSize);
  const busy = of(
    (one) => (100 * one.busyMs) / totalTimeMs,
    (share) => `${share.toPrecision(2)} %`,
  );
  return [
    `${each.length} channels carried ${bytes} each and were busy for ${busy} of the time; they were flushed ${flushes} times`,
  ];
}

function downtime({ downtimeMs, downtimeParts: parts, blackoutMs }: RunResult): string[] {
  if (downtimeMs === undefined || !parts) return [];
  const named = [
    ['pause', parts.pauseMs],
    ['last harvest', parts.lastHarvestMs],
    ['last pages', parts.lastPagesMs],
    ['state', parts.stateMs],
    ['handover', parts.handoverMs],
  ] as const;
  const list = named.map(([name, value]) => `${name} ${formatMs(value)}`).join(' + ');
  const seen =
    blackoutMs === undefined ? '' : `, blackout seen by the guest ${formatMs(blackoutMs)}`;
  return [`${colours.bold(`downtime ${formatMs(downtimeMs)}`)} = ${list}${seen}`];
}

function postcopy({ ram, faults, resumeTimeMs }: RunResult): string[] {
  if (!faults) return [];
  const { latencyUs: latency } = faults;
  const pushed = `post-copy: ${formatSize(ram.postcopyBytes)} sent while the guest ran${
    resumeTimeMs === undefined ? '' : `, all pages there after ${formatMs(resumeTimeMs)}`
  }${ram.dropped ? `, ${ram.dropped} pages came too late` : ''}`;
  const minor = faults.minorCount ? `, ${faults.minorCount} minor faults` : '';
  if (!latency) return [`${pushed}; no demand faults${minor}`];
  const times = [
    `median ${formatMs(latency.p50 / 1e3)}`,
    `p99 ${formatMs(latency.p99 / 1e3)}`,
    `longest ${formatMs(latency.max / 1e3)}`,
  ];
  return [
    pushed,
    `demand faults: ${faults.count}, ${times.join(', ')}; vCPUs blocked for ${formatMs(faults.blockedMs)} in all${minor}`,
  ];
}

function pauses({ postcopyPauses: list = [] }: RunResult): string[] {
  if (list.length === 0) return [];
  const totalMs = list.reduce((sum, { durationMs }) => sum + durationMs, 0);
  const resent = list.reduce((sum, { resentPages = 0 }) => sum + resentPages, 0);
  const isOver = list.every(({ recoverMs }) => recoverMs !== undefined);
  const end = isOver ? `${resent} pages were lost and sent again` : 'no new connection came';
  const times = list.length === 1 ? 'once' : `${list.length} times`;
  const at = list.map(({ startMs }) => formatMs(startMs)).join(', ');
  return [`postcopy-paused: ${times}, at ${at}, for ${formatMs(totalMs)} in all; ${end}`];
}

function recordedPages(result: RunResult): string[] {
  return result.pages ? [`pages: ${sentAgainSentences(result).join('; ')}`] : [];
}

/** Returns a line for each dirty-rate vector: how many pages were asked for by each of its times, and fitted. */
function vectors({ guest: { dirtyVectors = [] } }: RunResult): string[] {
  return dirtyVectors.map(({ workload, points, worstError }) => {
    const list = points.map(
      ({ afterMs, pages, fittedPages }) => `${formatMs(afterMs)} ${pages} → ${fittedPages}`,
    );
    const off = (100 * worstError).toFixed(1);
    return `dirty vector of workload ${workload}, asked → fitted pages: ${list.join(', ')}; off by ${off} % at most`;
  });
}

/** Returns a line about the pages that the guest hinted as free. */
function hints({ ram: { hinted, hintSkipped, pageSize } }: RunResult): string[] {
  if (hinted === undefined || hintSkipped === undefined) return [];
  const skipped = `${hintSkipped} pages, ${formatSize(hintSkipped * pageSize)}`;
  return [`free-page hints: ${hinted} pages hinted, ${skipped} skipped`];
}

/** Returns a line about what the guest's memory manager did. */
function balloon({ ram, guest: { memoryManager: manager } }: RunResult): string[] {
  if (!manager || ram.released === undefined) return [];
  const { inflatedPages, deflatedPages, pressureCallbacks, cacheDroppedPages } = manager;
  const cache = cacheDroppedPages > 0 ? `, ${cacheDroppedPages} pages of page cache dropped` : '';
  return [
    `given back: ${ram.released} pages, ${formatSize(ram.released * ram.pageSize)}, not sent; ` +
      `balloon +${inflatedPages} −${deflatedPages} pages, ${pressureCallbacks} callbacks of memory pressure${cache}`,
  ];
}

function guest({ guest: g, totalTimeMs }: RunResult): string[] {
  const { periodMs, accessesPerSecond } = g.timeline;
  if (accessesPerSecond.length === 0) return [];
  const spanSeconds = (accessesPerSecond.length * periodMs) / 1000;
  const duringSeconds = totalTimeMs / 1000;
  const rate = duringSeconds > 0 ? `${formatCount(g.accessesDuring / duringSeconds)}/s during` : '';
  const before =
    g.achievedRate && g.achievedRate.length > 0
      ? `${formatCount(g.achievedRate.reduce((sum, value) => sum + value, 0))}/s before, `
      : '';
  const figures = `${spanSeconds.toFixed(1)} s; ${before}${rate}`;
  const room = lineWidth(process.stdout) - 'guest speed ││ '.length - figures.length;
  const line = sparkline(condense(accessesPerSecond, Math.max(8, Math.min(64, room))));
  return [`guest speed ${colours.cyan(`│${line}│`)} ${figures}`];
}

/** Says in one line what the proof has found. */
export function proof({
  verify,
  guestLost,
  scenario,
}: Pick<RunResult, 'verify' | 'guestLost' | 'scenario'>): string {
  if (guestLost) return colours.red('nothing to prove: the guest is lost');
  if (!verify) return colours.yellow('not proved: the run failed before its end');
  if (verify.kind === 'off') return colours.yellow('not proved: verify is off');
  const kind =
    verify.kind === 'full' ? 'replayed from its initial contents' : 'replayed from the pause';
  const how = `${kind} by the ${verify.replayedBy === 'twin' ? 'TypeScript twin' : 'kernel'}`;
  const { backing } = (scenario['guest'] ?? {}) as { backing?: string };
  if (verify.ok && backing === 'versions') {
    return colours.green(`proved: the versions of ${verify.pagesCompared} pages agree, ${how}`);
  }
  if (verify.ok) {
    return colours.green(
      `proved: ${formatSize(verify.bytesCompared!)} in ${verify.pagesCompared} pages and ${verify.readsChecked} reads agree, ${how}`,
    );
  }
  const { firstDifference: first } = verify;
  const where = first
    ? `; first at gfn ${first.gfn}, byte ${first.offset}: expected 0x${first.expected.toString(16)}, found 0x${first.found.toString(16)}`
    : '';
  const problems = (verify.problems ?? []).map((problem) => `\n  ${problem}`).join('');
  const isState = verify.differingPages === 0;
  if (isState) return colours.red(`THE PROOF FAILED: all bytes agree, but${problems}`);
  return colours.red(
    `BYTES DIFFER in ${verify.differingPages} of ${verify.pagesCompared} pages${where}${problems}`,
  );
}

/** Returns a line with the real time that a virtual run took. */
function speed({ totalTimeMs, scenario }: RunResult, wall: RunReport['wall']): string[] {
  if (!wall) return [];
  const { runAfter } = scenario['migration'] as { runAfter: string | number };
  const [setUp, run, proved] = [wall.setUpNs, wall.runNs, wall.proofNs].map((ns) =>
    formatMs(ns / 1e6),
  );
  const virtualNs = totalTimeMs * 1e6 + parseDuration(runAfter);
  const times = (virtualNs / wall.runNs).toFixed(1);
  return [
    colours.dim(
      `emulated in ${run}, ${times} times as fast as in real time; set-up ${setUp}, proof ${proved}`,
    ),
  ];
}

function caveats({ disturbance: d }: RunResult): string[] {
  if (!d || d.runnableThreads <= d.cpus) return [];
  return [
    colours.yellow(
      `note: ${d.runnableThreads} runnable threads shared ${d.cpus} CPUs; the scheduler held a vCPU up for as long as ${formatMs(d.maxLagMs)}, so times are those of a busy host`,
    ),
  ];
}
