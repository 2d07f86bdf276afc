import type { DirtyRateSource, MeasuredRate } from '../facts.ts';
import { jsonObjects, numberAt } from './json-values.ts';
import { known, type PasteParser, PasteError } from './parser.ts';

/**
 * QMP's `query-dirty-rate` (QEMU, qapi/migration.json, DirtyRateInfo): `dirty-rate` in whole MiB/s, `calc-time` in the unit
 * of `calc-time-unit`, which is seconds where QEMU is older than 8.2 and does not say it. Several measurements in one
 * text are several points of one guest.
 */
const TOOL = 'query-dirty-rate';
const MIB = 2 ** 20;
const MODES: ReadonlySet<unknown> = new Set(['page-sampling', 'dirty-bitmap', 'dirty-ring']);

type Map = Readonly<Record<string, unknown>>;

const isMeasurement = (value: Map): boolean =>
  'calc-time' in value && 'status' in value && !('execute' in value);

export const queryDirtyRate: PasteParser = {
  tool: TOOL,
  recognises: (text) => /"calc-time"\s*:/.test(text),
  parse(text) {
    const all = jsonObjects(text).filter(isMeasurement);
    const measured = all.filter(({ status }) => status === 'measured');
    if (measured.length === 0) {
      const status = JSON.stringify(all.at(-1)?.['status'] ?? 'none');
      throw new PasteError(
        `query-dirty-rate shows no measurement that is over (status ${status}): wait for its calc-time, and ask again`,
      );
    }
    return { tool: TOOL, facts: { rates: measured.map(rateOf) }, notes: [] };
  },
};

function rateOf(value: Map): MeasuredRate {
  const rate = numberAt(value, 'dirty-rate');
  const time = numberAt(value, 'calc-time');
  if (rate === undefined || rate < 0 || time === undefined || !(time > 0)) {
    throw new PasteError(
      'query-dirty-rate is measured, but has no dirty-rate with its calc-time: paste all of what it returns',
    );
  }
  const mode = value['mode'] ?? 'page-sampling';
  if (!MODES.has(mode)) {
    throw new PasteError(
      `expected mode page-sampling, dirty-bitmap or dirty-ring, got ${JSON.stringify(mode)}`,
    );
  }
  return known<MeasuredRate>({
    source: mode as DirtyRateSource,
    bytesPerSecond: rate * MIB,
    periodMs: value['calc-time-unit'] === 'millisecond' ? time : time * 1000,
    roundingBytesPerSecond: MIB,
    samplePagesPerGiB: mode === 'page-sampling' ? numberAt(value, 'sample-pages') : undefined,
    vcpuBytesPerSecond: vcpusOf(value['vcpu-dirty-rate']),
  });
}

function vcpusOf(list: unknown): number[] | undefined {
  if (!Array.isArray(list)) return undefined;
  return list.map((one: Map) => (numberAt(one, 'dirty-rate') ?? 0) * MIB);
}
