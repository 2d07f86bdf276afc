import { qemuAccounting } from '../../migration/accounting.ts';
import { sentTally } from '../../migration/source.ts';
import type { RunConfig } from '../../runtime/config.ts';
import type { RunReport } from '../../runtime/report.ts';
import { runVirtual } from '../../runtime/virtual/run.ts';
import { pagesOf } from '../../wire/tally.ts';
import { configOf, MOST_BYTES_MIB, unsupportedReason } from './mapping.ts';
import type { MeasuredFile, MeasuredHost, MeasuredRun } from './measured.ts';

/** The figures that are compared. They follow QEMU's definitions; null where a run has none. */
export interface Metrics {
  readonly outcome: 'completed' | 'cancelled';
  readonly totalTimeMs: number | null;
  readonly transferred: number | null;
  readonly normal: number | null;
  readonly dirtySyncCount: number | null;
  readonly downtimeMs: number | null;
}

export type MetricName = Exclude<keyof Metrics, 'outcome'>;
export const METRICS: readonly MetricName[] = [
  'totalTimeMs',
  'transferred',
  'normal',
  'dirtySyncCount',
  'downtimeMs',
];

/** Says which figures of a run go into the summary. */
export interface Counted {
  readonly time: boolean;
  readonly transferred: boolean;
  readonly downtime: boolean;
  readonly outcome: boolean;
}

/** A measured run with its prediction. */
export interface Prediction {
  readonly id: string;
  readonly counted: Counted;
  /** The reasons for which some figure is not counted. */
  readonly why?: string;
  readonly measured: Metrics;
  readonly predicted: Metrics;
  /** (predicted − measured) ÷ measured, and null where a figure is missing; for `outcome` 0 if equal, else 1. */
  readonly errors: Readonly<Record<keyof Metrics, number | null>>;
  /** Sentences about what makes the predicted guest differ from the measured one. */
  readonly warnings?: readonly string[];
  /** Predicted downtime until the guest runs at the destination; QEMU's downtime ends earlier. */
  readonly fullDowntimeMs: number | null;
}

/** How the absolute errors of one figure spread over n runs. */
export interface Spread {
  readonly n: number;
  readonly median: number;
  readonly p90: number;
  readonly max: number;
}

/** The result of `validate`. */
export interface Validation {
  readonly runs: readonly Prediction[];
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
  /** How many runs of the file were not reached, because the work was given up; it is absent when all were. */
  readonly notReached?: number;
  /** For each figure, the spread of its absolute errors over the runs in which it is counted. */
  readonly summary: Readonly<Partial<Record<keyof Metrics, Spread>>>;
}

/** The proof of a prediction has found a byte that differs. */
export class LostByteError extends Error {
  override readonly name = 'LostByteError';
}

/**
 * One prediction in this many moves real bytes and is proved. The others have backing `versions`, which
 * gives the same figures.
 */
const BYTES_EVERY = 10;

function withBacking(config: RunConfig, hasBytes: boolean): RunConfig {
  if (hasBytes) return { ...config, verify: 'replay' };
  return { ...config, guest: { ...config.guest, backing: 'versions' } };
}

/** Makes the virtual run of a prediction. */
type Play = (config: RunConfig) => Promise<RunReport>;

/**
 * Predicts every run of a file, and calls `onRun` after each; `soFar` returns the result of those that are done. Throws
 * LostByteError when a prediction loses a byte.
 */
export async function validate(
  file: MeasuredFile,
  onRun: (done: number, all: number, soFar: () => Validation) => void = () => undefined,
  play: Play = runVirtual,
): Promise<Validation> {
  const runs: Prediction[] = [];
  const skipped: { id: string; reason: string }[] = [];
  for (const [index, run] of file.runs.entries()) {
    const reason = unsupportedReason(run, file.folder);
    if (reason !== undefined) skipped.push({ id: run.id, reason });
    else runs.push(await predict(run, file, hasRealBytes(run, runs.length), play));
    const all = file.runs.length;
    const soFar = (): Validation => ({ ...valid(), notReached: all - index - 1 });
    onRun(index + 1, all, soFar);
  }
  return valid();

  function valid(): Validation {
    return { runs: [...runs], skipped: [...skipped], summary: summarise(runs) };
  }
}

function hasRealBytes({ inputs }: MeasuredRun, index: number): boolean {
  // What has changed of a page can only be found in its bytes.
  const needsBytes = inputs.caps.includes('xbzrle');
  return (needsBytes || index % BYTES_EVERY === 0) && inputs.ram_mib <= MOST_BYTES_MIB;
}

async function predict(
  run: MeasuredRun,
  { host, folder }: Pick<MeasuredFile, 'host' | 'folder'>,
  hasBytes: boolean,
  play: Play,
): Promise<Prediction> {
  const config = withBacking(configOf(run, host, folder), hasBytes);
  const report = await play(config);
  if (report.proof?.ok === false) throw new LostByteError(`${run.id}: the prediction lost a byte`);
  const measured = measuredOf(run);
  const predicted = predictedOf(config, report);
  const { counted, why } = countedOf(run, host);
  const { running, stop } = report.source;
  const isWhole = running !== undefined && stop.pauseAskedNs !== undefined;
  return {
    id: run.id,
    counted,
    ...(why === undefined ? {} : { why }),
    measured,
    predicted,
    errors: errorsOf(predicted, measured),
    ...(report.guest.warnings ? { warnings: report.guest.warnings } : {}),
    fullDowntimeMs: isWhole ? (running.runningNs - stop.pauseAskedNs) / 1e6 : null,
  };
}

function measuredOf({ derived, outcome }: MeasuredRun): Metrics {
  const isOver = outcome === 'completed';
  return {
    outcome: isOver ? 'completed' : 'cancelled',
    totalTimeMs: isOver ? (derived.total_time_ms ?? null) : null,
    transferred: derived.transferred ?? null,
    normal: derived.normal ?? null,
    dirtySyncCount: derived.dirty_sync_count ?? null,
    downtimeMs: isOver && derived.downtime_bogus !== true ? (derived.downtime_ms ?? null) : null,
  };
}

/**
 * Returns a run's figures by QEMU's definitions: in pre-copy, both times end when the last byte has
 * been written to the link.
 */
function predictedOf(config: RunConfig, { source }: RunReport): Metrics {
  const isOver = source.outcome === 'completed';
  const { handedNs, pauseAskedNs } = source.stop;
  const endNs = source.postcopy ? source.endNs : handedNs;
  const version = config.migration.qemuVersion ?? '10';
  const { otherBytes } = qemuAccounting(version, config.guest.pageSize);
  const span = (toNs?: number, fromNs?: number): number | null =>
    isOver && toNs !== undefined && fromNs !== undefined ? (toNs - fromNs) / 1e6 : null;
  return {
    outcome: isOver ? 'completed' : 'cancelled',
    totalTimeMs: span(endNs, source.startNs),
    transferred: source.accountedBytes + (isOver ? otherBytes : 0),
    normal: pagesOf(sentTally(source), 'raw'),
    dirtySyncCount: source.dirtySyncCount,
    downtimeMs: span(handedNs, pauseAskedNs),
  };
}

function errorsOf(predicted: Metrics, measured: Metrics): Prediction['errors'] {
  const isSame = predicted.outcome === measured.outcome;
  const error = (name: MetricName): number | null => {
    const [p, m] = [predicted[name], measured[name]];
    return isSame && p !== null && m !== null && m > 0 ? (p - m) / m : null;
  };
  return {
    outcome: isSame ? 0 : 1,
    totalTimeMs: error('totalTimeMs'),
    transferred: error('transferred'),
    normal: error('normal'),
    dirtySyncCount: error('dirtySyncCount'),
    downtimeMs: error('downtimeMs'),
  };
}

/** Decides which figures count, from the inputs and the marks of a disturbed measurement alone. */
function countedOf(run: MeasuredRun, host: MeasuredHost): { counted: Counted; why?: string } {
  const { inputs, derived } = run;
  const reasons: string[] = [];
  const isDisturbed = derived.cpu_disturbed === true;
  const isBogus = derived.downtime_bogus === true;
  if (isDisturbed) reasons.push('the host was busy with other work');
  const rate = inputs.max_bandwidth || Infinity;
  const isHostPaced = rate > host.hostPacedAboveBytesPerSecond;
  if (isHostPaced) reasons.push('the host, not the limit, set the pace: time is not counted');
  const thresholdBytes = rate * (inputs.downtime_limit_ms / 1000);
  const wwsBytes = inputs.rate < 0 ? 0 : inputs.wws_pages * 4096;
  const isBorderline = Math.abs(wwsBytes / thresholdBytes - 1) <= 0.1;
  if (isBorderline) reasons.push('borderline: the working set is within 10 % of the threshold');
  if (isBogus) reasons.push('QEMU reports no usable downtime');
  const isSound = !isDisturbed;
  return {
    counted: {
      time: isSound && !isHostPaced,
      transferred: isSound,
      downtime: isSound && !isBogus,
      outcome: isSound && !isBorderline,
    },
    ...(reasons.length > 0 ? { why: reasons.join('; ') } : {}),
  };
}

const COUNTED_AS: Readonly<Record<keyof Metrics, keyof Counted>> = {
  outcome: 'outcome',
  totalTimeMs: 'time',
  transferred: 'transferred',
  normal: 'transferred',
  dirtySyncCount: 'transferred',
  downtimeMs: 'downtime',
};

function summarise(runs: readonly Prediction[]): Validation['summary'] {
  const summary: Partial<Record<keyof Metrics, Spread>> = {};
  for (const name of ['outcome', ...METRICS] as const) {
    const errors = runs.flatMap(({ counted, errors: all }) => {
      const error = all[name];
      return counted[COUNTED_AS[name]] && error !== null ? [Math.abs(error)] : [];
    });
    if (errors.length > 0) summary[name] = spreadOf(errors);
  }
  return summary;
}

function spreadOf(errors: readonly number[]): Spread {
  const sorted = errors.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? sorted[0]!;
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { n: sorted.length, median, p90: at(0.9), max: sorted.at(-1)! };
}
