import type { EvacuationResult } from '../fleet/evacuation/result-schema.ts';
import { formatBitRate } from '../units/rate.ts';
import { colours } from './colours.ts';
import { cut } from './columns.ts';
import { condense, formatShare, sparkline } from './format.ts';

/** A line about the use of a link or a host over time: its name, a sparkline, and figures. */
interface UseLine {
  readonly name: string;
  readonly series: readonly number[];
  /** The figures in several lengths, from the whole to the shortest. */
  readonly figures: readonly string[];
}

const MOST_BARS = 32;
/** Figures are shortened before a sparkline gets fewer bars than this, and then it is left out. */
const LEAST_BARS = 16;
/** The blanks and borders around a sparkline. */
const AROUND_BARS = 4;

/** Hundredths of a CPU are shown where there are no whole ones. */
const cpusText = (cpus: number): string => cpus.toFixed(cpus < 0.95 ? 2 : 1);

/** Returns a line, at most `width` wide, for each link that carried anything. */
export function linkLines({ links }: Pick<EvacuationResult, 'links'>, width: number): string[] {
  const lines = links.flatMap((link): UseLine[] => {
    const { name, bytesPerSecond, meanBytesPerSecond, maxBytesPerSecond, meanUse, maxUse } = link;
    if (!(maxBytesPerSecond > 0)) return [];
    const mean = formatBitRate(meanBytesPerSecond);
    const of = bytesPerSecond === undefined ? '' : ` of ${formatBitRate(bytesPerSecond)}`;
    const shares =
      meanUse === undefined || maxUse === undefined
        ? ''
        : `, ${formatShare(meanUse)}, ${formatShare(maxUse)} at most`;
    const figures = [
      `${mean}${of} on average${shares}`,
      `${mean} on average${shares}`,
      `${mean}${shares}`,
    ];
    return [{ name, series: link.seriesBytesPerSecond, figures }];
  });
  return fitUse('link', lines, width);
}

/** Returns a line, at most `width` wide, for each host whose CPUs are known. */
export function hostLines({ hosts }: Pick<EvacuationResult, 'hosts'>, width: number): string[] {
  const lines = hosts.flatMap(({ name, cpus, meanCpus, maxCpus, seriesCpus }): UseLine[] => {
    if (meanCpus === undefined || maxCpus === undefined || !seriesCpus) return [];
    const of = cpus === undefined ? '' : ` of ${cpus}`;
    const [mean, most] = [cpusText(meanCpus), `${cpusText(maxCpus)} at most`];
    const figures = [`${mean}${of} on average, ${most}`, `${mean} on average, ${most}`];
    return [{ name, series: seriesCpus, figures }];
  });
  return fitUse('CPUs', lines, width);
}

/** Gives all lines sparklines of one width, as wide as the longest figures leave room for. */
function fitUse(what: string, lines: readonly UseLine[], width: number): string[] {
  const nameWidth = Math.max(0, ...lines.map(({ name }) => name.length));
  const lengths = lines[0]?.figures.map((_, length) => length) ?? [];
  const barsWith = (length: number): number => {
    const longest = Math.max(...lines.map(({ figures }) => figures[length]!.length));
    return Math.min(MOST_BARS, width - what.length - 1 - nameWidth - AROUND_BARS - longest);
  };
  const length = lengths.find((one) => barsWith(one) >= LEAST_BARS) ?? lengths.length - 1;
  return lines.map(({ name, series, figures }) => {
    const label = `${what} ${name.padEnd(nameWidth)}`;
    const bars = barsWith(length);
    if (bars < LEAST_BARS) return cut(`${label} ${figures[length]!}`, width);
    const line = sparkline(condense(series, bars));
    return `${label} ${colours.cyan(`│${line}│`)} ${figures[length]!}`;
  });
}
