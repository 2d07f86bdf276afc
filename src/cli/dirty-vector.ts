import type { DirtyRateOptions } from '../migration/dirty-rate.ts';
import { type MeasuredVector, type VectorFit, vectorFits } from '../result/dirty-vector.ts';
import type { RunConfig } from '../runtime/config.ts';
import { InputError } from '../scenario/input-error.ts';
import { colours } from './colours.ts';
import { type Column, layOut, lineWidth } from './columns.ts';
import { formatMs } from './format.ts';

/** Returns the fit of a scenario's dirty-rate vector. Throws InputError unless it has exactly one. */
export function vectorOf(scenario: Record<string, unknown>): VectorFit {
  const fits = vectorFits(scenario);
  if (fits.length === 1) return fits[0]!;
  const sentence = `compares one workload of pattern dirty-vector, the scenario has ${fits.length}: leave the option out, or change guest.workloads`;
  throw new InputError([{ place: '--vector', key: '', sentence }]);
}

/** Returns the guest with one of its workloads alone, as the others would dirty pages too. */
export function withOnly(config: RunConfig, workload: number): RunConfig {
  const workloads = config.guest.workloads.filter((_, index) => index === workload);
  return { ...config, guest: { ...config.guest, workloads } };
}

/** Returns the measurements that give a vector: one over the period of each point. */
export function measurementsOf({ points }: VectorFit): Omit<DirtyRateOptions, 'seed'>[] {
  return points.map(({ afterMs }) => ({
    mode: 'dirty-bitmap',
    periodNs: afterMs * 1e6,
    samplePagesPerGiB: 0,
  }));
}

const COLUMNS: readonly Column[] = [Infinity, 5, 2, 4, 3].map((weight) => ({ weight }));

/** Formats a percentage with its sign, which zero has not. */
function withSign(percent: number): string {
  const text = Math.abs(percent).toFixed(1);
  const sign = Number(text) === 0 ? '' : percent > 0 ? '+' : '-';
  return `${sign}${text} %`;
}

/** Formats what was asked for, what the fit dirties on average, and what was measured. */
export function vectorTable({ points }: MeasuredVector): string {
  const head = ['after', 'asked', 'fitted', 'measured', 'error'];
  const rows = points.map(({ afterMs, pages, fittedPages, measuredPages, error }) => [
    formatMs(afterMs),
    `${pages}`,
    `${fittedPages}`,
    `${measuredPages}`,
    withSign(100 * error),
  ]);
  const [title = '', ...body] = layOut(COLUMNS, [head, ...rows], lineWidth(process.stdout));
  return `${[colours.dim(title), ...body].join('\n')}\n`;
}
