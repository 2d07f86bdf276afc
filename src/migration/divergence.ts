import { formatDuration } from '../units/duration.ts';
import { formatBitRate } from '../units/rate.ts';
import { formatSize } from '../units/size.ts';
import type { DeviceHoldUp } from './devices/hold-up.ts';

/** What would let a migration complete that has diverged, as far as its algorithm and its policy decide that. */
export interface Remedies {
  /** The key of the downtime that the policy aims at; absent when it aims at none. */
  readonly limitKey?: string;
  /** The key that says after which time the policy itself gives up; absent when it never does. */
  readonly patienceKey?: string;
  /** Whether a longer time helps, since the policy slows the guest ever more, raises its limit or ends its rounds. */
  readonly timeHelps?: boolean;
  /** Other changes of keys that help against a guest that dirties its pages too fast. */
  readonly others: readonly string[];
}

/** What is known of a migration that has diverged, at its end. Rates are in bytes a second. */
export interface DivergenceFacts {
  /** Whether the migration's timeout has ended it, or its policy has. */
  readonly by: 'timeout' | 'policy';
  readonly phase: 'setup' | 'live' | 'stopped';
  readonly elapsedNs: number;
  /** The bytes of all pages that had to be sent in the first pass, or with the guest stopped. */
  readonly passBytes: number;
  /** The bytes of pages that had yet to be sent. */
  readonly leftBytes: number;
  /** The bytes of devices that go with the guest stopped, as far as the policy counts them. */
  readonly deviceBytes?: number;
  /** The bytes of the frames of the first pass, or of those sent with the guest stopped, and how long that took. */
  readonly sentBytes: number;
  readonly sendingNs: number;
  /** Work on devices that has held pages up since the first page, or since the guest was stopped. */
  readonly holdUp?: DeviceHoldUp;
  /** The last round whose end has been reached; absent while the first pass goes on. */
  readonly lastRound?: {
    readonly dirtiedBytesPerSecond: number;
    readonly sentBytesPerSecond: number;
    /** How long sending the rest would have taken at its end; absent if it has sent nothing. */
    readonly expectedDowntimeNs?: number;
    /** Whether it left less than nine tenths of what it had begun with. */
    readonly isShrinking: boolean;
  };
  /** The downtime that the policy aimed at. */
  readonly downtimeLimitNs?: number;
  readonly linkBytesPerSecond: number;
  /** The migration's own limit; Infinity means none. */
  readonly maxBytesPerSecond: number;
  readonly remedies: Remedies;
}

/** A sender that fills less than this share of the lower limit is held up by something else. */
const FULL_SHARE = 0.8;

/** Work on devices that has taken more than this share of the time is named as the reason. */
const MUCH_SHARE = 0.1;

/** Says in two sentences how a migration that has diverged stood, and what would have helped. */
export function explainDivergence(facts: DivergenceFacts): string {
  if (facts.phase === 'setup') {
    return `it was still being set up and had sent no page. ${helping(['a longer migration.timeout'])}`;
  }
  if (facts.phase === 'stopped' || !facts.lastRound) return explainPass(facts);
  return explainRounds(facts, facts.lastRound);
}

/** Explains a migration that has not come to the end of its first pass, or of the transfer with the guest stopped. */
function explainPass(facts: DivergenceFacts): string {
  const { phase, passBytes, leftBytes, sentBytes, sendingNs, elapsedNs, holdUp } = facts;
  const doneBytes = Math.max(0, passBytes - leftBytes);
  const rate = (sentBytes / sendingNs) * 1e9;
  const [where, what] =
    phase === 'stopped'
      ? ['the guest was stopped for its last pages', 'sending them']
      : ['it was still in its first pass', 'the first pass'];
  const speed =
    rate > 0 && rate < Infinity && !isMuch(holdUp, sendingNs) ? `, at ${formatBitRate(rate)}` : '';
  const done = `${formatSize(doneBytes)} of ${formatSize(passBytes)} had been sent in ${formatDuration(sendingNs)}${speed}`;
  if (holdUp && isMuch(holdUp, sendingNs)) {
    return `${where}: ${done}${describeHoldUp(holdUp)}. ${helping(holdUpHelps(facts, holdUp))}`;
  }
  const key = patienceKey(facts);
  const neededNs = elapsedNs + (sendingNs * leftBytes) / doneBytes;
  const enough = Number.isFinite(neededNs)
    ? `above ${formatDuration(neededNs)}, when ${what} alone would be over at this rate`
    : 'that is longer';
  const bandwidth = bandwidthKey(facts, rate);
  return `${where}: ${done}. ${helping([
    ...(key === undefined ? [] : [`a ${key} ${enough}`]),
    ...(bandwidth === undefined ? [] : [`a higher ${bandwidth}`]),
  ])}`;
}

/** Whether work on devices has taken enough of the time to be the reason. */
const isMuch = (holdUp: DeviceHoldUp | undefined, sendingNs: number): boolean =>
  holdUp !== undefined && holdUp.heldNs > MUCH_SHARE * sendingNs;

/** Says what has been done with devices while no page got on. */
function describeHoldUp({ work, kinds, heldNs, leftNs }: DeviceHoldUp): string {
  const devices = `the ${listOf([...new Set(kinds)], 'and')} device${kinds.length === 1 ? '' : 's'}`;
  const time = `for ${formatDuration(heldNs)}`;
  const left = leftNs > 0 ? `, which has ${formatDuration(leftNs)} to go` : '';
  return work === 'save'
    ? `, and ${time} the source has been saving ${devices}${left}`
    : `, and ${time} the destination took no page, because it was loading the initial bytes of ${devices}${left}`;
}

/** Returns what would have helped a migration that devices have held up. */
function holdUpHelps(facts: DivergenceFacts, { work, leftNs }: DeviceHoldUp): string[] {
  const { elapsedNs, leftBytes, linkBytesPerSecond, maxBytesPerSecond } = facts;
  const key = patienceKey(facts);
  const rate = Math.min(linkBytesPerSecond, maxBytesPerSecond);
  const neededNs = elapsedNs + leftNs + (leftBytes / rate) * 1e9;
  return [
    `a shorter ${work === 'save' ? 'save' : 'loadInitial'} in guest.devices`,
    ...(key === undefined ? [] : [`a ${key} well above ${formatDuration(neededNs)}`]),
  ];
}

/** Explains a migration whose rounds have not become short enough. */
function explainRounds(
  facts: DivergenceFacts,
  last: NonNullable<DivergenceFacts['lastRound']>,
): string {
  const { leftBytes, deviceBytes = 0, downtimeLimitNs, remedies, holdUp } = facts;
  const { dirtiedBytesPerSecond: dirtied, sentBytesPerSecond: sent, expectedDowntimeNs } = last;
  const isTooLong =
    expectedDowntimeNs !== undefined &&
    downtimeLimitNs !== undefined &&
    expectedDowntimeNs > downtimeLimitNs;
  const downtime =
    expectedDowntimeNs === undefined
      ? ''
      : `, which left a downtime of some ${formatDuration(expectedDowntimeNs)}` +
        (downtimeLimitNs === undefined
          ? ''
          : ` against a limit of ${formatDuration(downtimeLimitNs)}`);
  const rates = `in its last whole round the guest dirtied ${formatBitRate(dirtied)} while ${formatBitRate(sent)} were sent`;
  const devices =
    deviceBytes > 0
      ? `, and ${formatSize(deviceBytes)} of devices that go with the guest stopped`
      : '';
  const why = `${formatSize(leftBytes)} were left to send${devices}; ${rates}${downtime}`;
  // A guest that may be stopped only once its devices' initial bytes are loaded waits for nothing else.
  if (holdUp && holdUp.leftNs > 0 && !isTooLong) {
    return `${why}${describeHoldUp(holdUp)}. ${helping(holdUpHelps(facts, holdUp))}`;
  }
  const key = patienceKey(facts);
  const mayConverge = last.isShrinking || remedies.timeHelps === true;
  const bandwidth = bandwidthKey(facts, sent);
  const neededBytesPerSecond = Math.max(dirtied, isTooLong ? sent : 0);
  const helps = [
    ...(mayConverge && key !== undefined ? [`a longer ${key}`] : []),
    ...(isTooLong && remedies.limitKey !== undefined
      ? [`a ${remedies.limitKey} above ${formatDuration(expectedDowntimeNs)}`]
      : []),
    ...(bandwidth === undefined
      ? []
      : [`a ${bandwidth} well above ${formatBitRate(neededBytesPerSecond)}`]),
    ...remedies.others,
  ];
  const useless =
    mayConverge || key === undefined ? '' : `A longer ${key} alone would hardly have helped. `;
  return `${why}. ${useless}${helping(helps)}`;
}

/** Returns the key of the time that ended the migration. */
function patienceKey({ by, remedies }: DivergenceFacts): string | undefined {
  return by === 'timeout' ? 'migration.timeout' : remedies.patienceKey;
}

/** Returns the key of the bandwidth that held the sender up; undefined when neither did. */
function bandwidthKey(
  { linkBytesPerSecond: link, maxBytesPerSecond: own }: DivergenceFacts,
  sentBytesPerSecond: number,
): string | undefined {
  if (!(sentBytesPerSecond > FULL_SHARE * Math.min(link, own))) return undefined;
  return own < link ? 'migration.maxBandwidth' : 'link.bandwidth';
}

function helping(helps: readonly string[]): string {
  if (helps.length === 0) return 'No key of the scenario would have helped for certain';
  return `What would have helped: ${listOf(helps, 'or')}`;
}

function listOf(items: readonly string[], word: 'and' | 'or'): string {
  const last = items.at(-1)!;
  return items.length === 1 ? last : `${items.slice(0, -1).join(', ')}, ${word} ${last}`;
}
