import { endText } from '../fleet/protect/end-words.ts';
import type { ProtectResult } from '../fleet/protect/result-schema.ts';
import { formatDuration } from '../units/duration.ts';
import { formatSize } from '../units/size.ts';
import { colours } from './colours.ts';
import { type Column, layOut, lineWidth } from './columns.ts';
import { formatCount, formatMs, formatShare } from './format.ts';

/** Hosts, epochs, rate, pages, pause, until acknowledged, bytes a second, end. */
const COLUMNS: readonly Column[] = [Infinity, 8, 7, 6, 9, 5, 4, 10].map((weight) => ({ weight }));
const HEAD = ['hosts', 'epochs', 'a second', 'pages', 'pause', 'acknowledged', 'sent', 'end'];
const NONE = '–';

type Protection = ProtectResult['protections'][number];

/** Formats the summary that is printed after a guest has been protected. */
export function protectSummary(result: ProtectResult): string {
  const lines = [
    headline(result),
    '',
    ...protectionTable(result),
    ...reasonLines(result),
    ...checkpointLines(result),
    '',
    ...result.takeovers.map((one) => takeoverLine(one, isColo(result))),
    ...markLine(result),
    ...compressionLine(result),
    ...packetLines(result),
    ...splitLine(result),
    proofLine(result),
  ];
  return `${lines.join('\n')}\n`;
}

const time = (ms: number): string => (ms === 0 ? '0 s' : formatDuration(ms * 1e6));

function headline({ scenario, outcome, durationMs, failures, error }: ProtectResult): string {
  const name = typeof scenario['name'] === 'string' ? scenario['name'] : 'guest';
  const failed = failures.map(({ what, atMs }) => `${what} fails at ${time(atMs)}`);
  const { mode } = scenario['replication'] as { readonly mode: string };
  const kind = mode === 'colo' ? 'COLO' : 'Remus';
  const what = [`${time(durationMs)} of ${kind}`, ...failed].join(', ');
  const end = {
    completed: 'the guest lives on',
    split: 'TWO HOSTS RAN THE GUEST',
    stale: 'THE GUEST GOES ON FROM AN OLDER STATE (a fence prevents that)',
  };
  const said = error ?? (outcome in end ? end[outcome as keyof typeof end] : outcome);
  const coloured = outcome === 'completed' ? colours.green(said) : colours.red(said);
  return `${colours.bold(name)}: ${what}: ${coloured}`;
}

function protectionTable({ protections }: ProtectResult): string[] {
  const rows = protections.map((one) => [
    `${one.primary} → ${one.backup}`,
    formatCount(one.epochs),
    one.epochsPerSecond > 0 ? one.epochsPerSecond.toFixed(1) : NONE,
    ...(one.epochs > 1 ? meansOf(one) : [NONE, NONE, NONE, NONE]),
    endText(one),
  ]);
  const [title = '', ...body] = layOut(COLUMNS, [HEAD, ...rows], lineWidth(process.stdout));
  return [colours.dim(title), ...body];
}

/** The first epoch is in none of them. */
const meansOf = (one: Protection): string[] => [
  formatCount(one.pagesPerEpoch),
  formatMs(one.pauseMs.mean),
  formatMs(one.ackMs.mean),
  `${formatSize(one.bytesPerSecond)}/s`,
];

const reasonLines = ({ protections }: ProtectResult): string[] =>
  protections.flatMap(({ primary, backup, reason }) =>
    reason === undefined ? [] : [`  ${primary} → ${backup}: ${reason}`],
  );

/** Says why checkpoints of COLO were made. */
const checkpointLines = ({ protections }: ProtectResult): string[] =>
  protections.flatMap(({ primary, backup, colo, pagesPerEpoch }) => {
    if (!colo) return [];
    const { differences, silences, periods, primaryPages, secondaryPages } = colo;
    const counts = [
      `${formatCount(differences)} for a difference`,
      `${formatCount(silences)} for silence`,
      `${formatCount(periods)} for the period`,
    ].join(', ');
    const pages = `${formatCount(primaryPages)} and ${formatCount(secondaryPages)} dirty pages, ${formatCount(pagesPerEpoch)} of either`;
    return [`  ${primary} → ${backup}: checkpoints: ${counts}; ${pages}`];
  });

const isColo = ({ scenario }: ProtectResult): boolean =>
  (scenario['replication'] as { readonly mode: string }).mode === 'colo';

function takeoverLine(takeover: ProtectResult['takeovers'][number], runsOn: boolean): string {
  const { from, to, epoch, detectMs, fenceMs, drainMs, activateMs, startMs, totalMs } = takeover;
  const parts = [
    `${formatMs(detectMs)} of silence`,
    ...(fenceMs > 0 ? [`${formatMs(fenceMs)} for the lease`] : []),
    ...(drainMs > 0 ? [`${formatMs(drainMs)} to drain the disk's buffer`] : []),
    `${formatMs(activateMs)} to activate`,
    `${formatMs(startMs)} to start`,
  ];
  // The second guest of COLO runs on from where it is.
  const place = runsOn ? 'where its own guest was' : `the end of epoch ${epoch}`;
  return `takeover from host ${from} to ${to}, from ${place}: ${formatMs(totalMs)} (${parts.join(', ')})`;
}

function markLine({ protections, scenario }: ProtectResult): string[] {
  const { deadline } = scenario['replication'] as {
    readonly deadline: false | { readonly dirtyPages: number };
  };
  if (!deadline) return [];
  const passed = protections.reduce((sum, { markedEpochs = 0 }) => sum + markedEpochs, 0);
  const all = protections.reduce((sum, { epochs }) => sum + epochs, 0);
  const mark = formatCount(deadline.dirtyPages);
  return [
    `deadline: the guest passed its mark of ${mark} dirty pages in ${formatCount(passed)} of ${formatCount(all)} epochs`,
  ];
}

function compressionLine({ protections, scenario }: ProtectResult): string[] {
  const codes = protections.flatMap((one) => Object.entries(one.codes));
  const [pages, bytes] = codes.reduce(
    ([a, b], [, code]) => [a + code.pages, b + code.bytes],
    [0, 0],
  );
  if (pages === 0) return [];
  const kinds = new Map<string, number>();
  for (const [name, code] of codes) kinds.set(name, (kinds.get(name) ?? 0) + code.pages);
  const listed = [...kinds].filter(([, count]) => count > 0);
  const shares = listed.map(([name, count]) => `${name} ${formatShare(count / pages)}`);
  const { compression } = scenario['replication'] as { readonly compression: string };
  const hits = protections[0]?.cacheHitShare;
  const cache = hits === undefined ? '' : `, ${formatShare(hits)} found in the cache`;
  const size = formatSize(bytes / pages);
  return [`compression ${compression}: ${size} a page; ${shares.join(', ')}${cache}`];
}

function packetLines(result: ProtectResult): string[] {
  const { packets } = result;
  const { released, releasedBytes, lost, undone, held, mostHeldBytes, delayMs } = packets;
  if (released + held === 0) return [];
  const delay = delayMs
    ? `, after ${formatMs(delayMs.p50)} (p50), ${formatMs(delayMs.p99)} (p99)`
    : '';
  const notes = [
    ...(lost > 0
      ? [
          `${formatCount(lost)} ${isColo(result) ? 'never left' : 'that nobody has seen were lost with their host'}`,
        ]
      : []),
    ...(undone > 0 ? [`${formatCount(undone)} left whose state is lost`] : []),
    ...(held > 0 ? [`${formatCount(held)} are held at the end`] : []),
  ];
  const buffer = mostHeldBytes > 0 ? [`at most ${formatSize(mostHeldBytes)} were held`] : [];
  const left = `packets: ${formatCount(released)} (${formatSize(releasedBytes)}) released${delay}`;
  return [[left, ...buffer, ...notes].join('; ')];
}

function splitLine({ splitMs, scenario }: ProtectResult): string[] {
  if (splitMs === 0) return [];
  const { fence } = scenario['replication'] as { readonly fence: unknown };
  const remedy = fence === false ? ': only a fence prevents that (replication.fence)' : '';
  return [colours.red(`two hosts ran the guest for ${formatMs(splitMs)}${remedy}`)];
}

function proofLine({ proofs, problems, ok }: ProtectResult): string {
  if (ok === undefined) return 'not proved';
  const images = proofs.filter(({ of }) => of === 'image').length;
  const pages = proofs.reduce((sum, { verify }) => sum + (verify.pagesCompared ?? 0), 0);
  if (ok) {
    const where = [
      ...(images > 0 ? [`${images} ${images === 1 ? 'image' : 'images'} of a backup`] : []),
      ...(proofs.length > images ? ['the guest at its end'] : []),
    ].join(' and ');
    return colours.green(
      `proved: ${formatCount(pages)} pages of ${where} are what the guest's accesses make them`,
    );
  }
  const differing = proofs
    .filter(({ verify, differingBlocks = 0 }) => verify.ok === false || differingBlocks > 0)
    .map(({ host, of }) => `the ${of} at host ${host} differs`);
  return colours.red(`NOT PROVED: ${[...differing, ...problems].join('; ')}`);
}
