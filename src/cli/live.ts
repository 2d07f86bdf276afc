import { LIVE_PHASES } from '../runtime/threads/run-words.ts';
import type { LiveView } from '../runtime/threads/run.ts';
import type { VirtualProgress } from '../runtime/virtual/options.ts';
import type { SetUpProgress } from '../runtime/world/world.ts';
import { formatBitRate } from '../units/rate.ts';
import { formatSize } from '../units/size.ts';
import { colours } from './colours.ts';
import { formatCount, formatMs } from './format.ts';
import type { Part, Share } from './progress.ts';

/** The parts of the lines that tell how far a run is. The weights say what a narrow terminal has no room for. */
const WEIGHT = { elapsed: 2, rate: 1, link: 3, bar: 4, pages: 5 } as const;

const secondsOf = (ns: number): string => `${(ns / 1e9).toFixed(1).padStart(5)} s`;

/** A part that the line always has. */
const what = (text: string): Part => ({ text, weight: Infinity });

/** Returns the line's parts while memory is filled. */
export function describeSetUp({ doneBytes, allBytes }: SetUpProgress, share: Share): Part[] {
  share.set(doneBytes, allBytes);
  const isFilling = doneBytes < allBytes;
  const text = isFilling
    ? `filling memory: ${formatSize(doneBytes)} of ${formatSize(allBytes)}`
    : 'preparing: starting the guest';
  return [
    { text: secondsOf(share.elapsedNs), weight: WEIGHT.elapsed },
    what(text),
    { text: isFilling ? share.left : '', weight: WEIGHT.pages },
  ];
}

/** Returns the line's parts about a run in real time; rates are computed from the view before, if there is one. */
export function describe(view: LiveView, before: LiveView | undefined): Part[] {
  const spanNs = before ? view.elapsedNs - before.elapsedNs : 0;
  const speed = spanNs > 0 ? ((view.accesses - before!.accesses) / spanNs) * 1e9 : 0;
  const elapsed = { text: secondsOf(view.elapsedNs), weight: WEIGHT.elapsed };
  const guest = {
    text: `guest ${formatCount(Math.max(0, speed)).padStart(6)}/s`,
    weight: WEIGHT.rate,
  };
  switch (view.phase) {
    case 'prepare':
      return [elapsed, what('preparing: starting threads')];
    case 'before':
      return [elapsed, what('running at the source'), guest];
    case 'after':
      return [elapsed, what('running on           '), guest];
    case 'verify':
      return [elapsed, what('proving every byte')];
    default:
      return [elapsed, ...migrating(view, before), guest];
  }
}

function migrating(view: LiveView, before: LiveView | undefined): Part[] {
  const { figures, pages } = view;
  const phase = LIVE_PHASES[figures.phase] ?? 'setup';
  const spanNs = before ? view.elapsedNs - before.elapsedNs : 0;
  const rate = spanNs > 0 ? ((figures.bytes - before!.figures.bytes) / spanNs) * 1e9 : 0;
  const name = phase === 'live' ? `round ${figures.round}` : phase;
  const link = formatBitRate(Math.max(0, rate));
  return [
    { text: colours.bold(name.padEnd(9)), weight: Infinity },
    { text: bar(1 - figures.pagesLeft / Math.max(1, pages)), weight: WEIGHT.bar },
    { text: `${formatCount(figures.pagesLeft).padStart(7)} pages left`, weight: WEIGHT.pages },
    { text: `link ${link.padStart(11)}`, weight: WEIGHT.link },
  ];
}

const BAR = 16;

function bar(share: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * BAR);
  return `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)}`;
}

/** Returns the line's parts about a virtual run; `share` is that of its set-up, and tells how long it has taken. */
export function describeVirtual(progress: VirtualProgress, share: Share): Part[] {
  const { phase, isPostcopy, setUp, nowNs, bytes, pagesLeft } = progress;
  if (phase === 'prepare') return describeSetUp(setUp, share);
  const elapsed = { text: secondsOf(share.elapsedNs), weight: WEIGHT.elapsed };
  if (phase === 'verify') return [elapsed, what('proving every byte')];
  const names = { before: 'running at the source', migrate: 'migrating', after: 'running on' };
  const name = isPostcopy && phase === 'migrate' ? 'post-copy' : names[phase];
  const isMigrating = phase === 'migrate';
  return [
    elapsed,
    { text: colours.bold(name), weight: Infinity },
    { text: `${formatMs(nowNs / 1e6)} of virtual time`, weight: WEIGHT.link },
    { text: isMigrating ? `${formatSize(bytes)} sent` : '', weight: WEIGHT.bar },
    { text: isMigrating ? `${formatCount(pagesLeft)} pages left` : '', weight: WEIGHT.pages },
  ];
}
