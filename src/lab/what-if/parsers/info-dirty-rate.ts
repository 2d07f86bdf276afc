import type { DirtyRateSource, MeasuredRate } from '../facts.ts';
import { fieldOf, known, numberOf, type PasteParser, PasteError } from './parser.ts';

/**
 * `info dirty_rate` of QEMU's monitor (HMP). The lines are those of hmp_info_dirty_rate (QEMU, migration/dirtyrate.c):
 * the period in seconds, the rate in MB/s that are MiB/s, and with dirty-ring a line for each vCPU.
 */
const TOOL = 'info dirty_rate';
const MIB = 2 ** 20;

export const infoDirtyRate: PasteParser = {
  tool: TOOL,
  recognises: (text) => /^\s*Dirty rate:.*(?:\(MB\/s\)|\(not ready\))/m.test(text),
  parse(text) {
    const field = fieldOf(text, 'Dirty rate') ?? '';
    const rate = /^(\d+)/.exec(field)?.[1];
    const period = numberOf(text, 'Period');
    if (rate === undefined || period === undefined || !(period > 0)) {
      throw new PasteError(
        `info dirty_rate has no rate with its period (Dirty rate: ${field}): wait until its status is measured`,
      );
    }
    const mode = fieldOf(text, 'Mode') ?? 'page-sampling';
    const vcpus = [...text.matchAll(/^\s*vcpu\[\d+\], Dirty rate:\s*(\d+)/gm)];
    const measured = known<MeasuredRate>({
      source: mode as DirtyRateSource,
      bytesPerSecond: Number(rate) * MIB,
      periodMs: period * 1000,
      roundingBytesPerSecond: MIB,
      samplePagesPerGiB: numberOf(text, 'Sample Pages'),
      vcpuBytesPerSecond:
        vcpus.length > 0 ? vcpus.map(([, value]) => Number(value) * MIB) : undefined,
    });
    return { tool: TOOL, facts: { rates: [measured] }, notes: [] };
  },
};
