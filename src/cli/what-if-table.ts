import type { Edge, Interval, SettingAnswer, WhatIfResult } from '../lab/what-if/result.ts';
import { formatDuration } from '../units/duration.ts';
import { formatBitRate, formatByteRate } from '../units/rate.ts';
import { formatSize, trimNumber } from '../units/size.ts';
import { colours } from './colours.ts';
import { type Column, layOut, lineWidth, wrap, type WideStream } from './columns.ts';

/** Without a terminal, sentences are broken at this width. */
const USUAL_WIDTH = 80;

/** A narrow terminal leaves the columns of little weight out. */
const COLUMNS: readonly Column[] = [
  { weight: Infinity, align: 'left' },
  { weight: 5 },
  { weight: Infinity },
  { weight: 6 },
  { weight: 2 },
];

/** Returns what `what-if` prints: the answer first, then each setting, and what the answer rests on. */
export function whatIfTable(result: WhatIfResult, stream: WideStream): string {
  const width = Math.min(lineWidth(stream), USUAL_WIDTH);
  const head = ['setting', 'ends', 'total time', 'downtime', 'slower'];
  const [title = '', ...rows] = layOut(COLUMNS, [head, ...result.settings.map(rowOf)], width);
  const text = (sentence: string): string[] => wrap(sentence, width, '  ');
  return [
    ...wrap(result.answer, width),
    '',
    colours.dim(title),
    ...rows,
    ...text(
      `Medians of up to ${Math.max(...result.settings.map(({ runs }) => runs))} virtual runs, and (where nine of ten lie); slower: work that the guest did not get done.`,
    ),
    '',
    ...goalLines(result).flatMap(text),
    ...factLines(result).flatMap(text),
    ...result.trust.flatMap((one) => text(colours.yellow(one))),
    ...wordLines(result),
    '',
  ].join('\n');
}

function rowOf(answer: SettingAnswer): string[] {
  const { title, completed, runs, totalTimeMs, downtimeMs, slowdown } = answer;
  const needed = answer.neededDowntimeLimitMs;
  return [
    title,
    `${completed}/${runs}`,
    totalTimeMs ? range(totalTimeMs) : 'does not end',
    downtimeMs ? range(downtimeMs) : needed ? `needs ${formatDuration(needed.median * 1e6)}` : '',
    slowdown ? `${Math.round(100 * slowdown.median)} %` : '',
  ];
}

const UNITS = [
  ['min', 60_000],
  ['s', 1000],
  ['ms', 1],
] as const;

/** Formats a range of milliseconds in one unit: "15.9 (15.2-16.3) s". */
function range({ low, median, high }: Interval): string {
  const [unit, size] = UNITS.find(([, ms]) => median >= 2 * ms) ?? ['ms', 1];
  const [from, middle, to] = [low, median, high].map((ms) =>
    unit === 'ms' && ms >= 10 ? String(Math.round(ms)) : trimNumber(ms / size),
  );
  return from === to ? `${middle} ${unit}` : `${middle} (${from}-${to}) ${unit}`;
}

function goalLines({ goal, settings }: WhatIfResult): string[] {
  if (!goal) return [];
  const titleOf = (id: string): string => settings.find((one) => one.id === id)?.title ?? id;
  const edge = (one: Edge, format: (rate: number) => string): string => {
    const side =
      one.isBeyond === 'below' ? 'less than ' : one.isBeyond === 'above' ? 'more than ' : '';
    return `${side}${format(one.bytesPerSecond)} (${titleOf(one.setting)})`;
  };
  const met = settings.filter(({ metGoal = 0, runs }) => metGoal >= 0.95 * runs);
  return [
    `Settings that meet the goal: ${met.map(({ title }) => title).join('; ') || 'none'}.`,
    `Least bandwidth: ${goal.leastBandwidth.map((one) => edge(one, formatBitRate)).join('; ')}.`,
    ...(goal.tolerableDirtyRate.length > 0
      ? [
          `Tolerable dirty rate: ${goal.tolerableDirtyRate.map((one) => edge(one, formatByteRate)).join('; ')}.`,
        ]
      : []),
    '',
  ];
}

function factLines({ facts, sources, dirtyRateByPeriod, scale, settings }: WhatIfResult): string[] {
  const { memoryBytes, usedBytes, vcpus, linkBytesPerSecond, workingSetBytes } = facts;
  const parts = [
    `${formatSize(memoryBytes)} of memory`,
    ...(usedBytes === undefined ? [] : [`${formatSize(usedBytes)} in use`]),
    `${vcpus} vCPUs`,
    `link ${formatBitRate(linkBytesPerSecond)}`,
    ...(facts.maxBytesPerSecond === undefined
      ? []
      : [`limit ${formatByteRate(facts.maxBytesPerSecond)}`]),
    ...(workingSetBytes === undefined ? [] : [`working set ${formatSize(workingSetBytes)}`]),
    ...facts.rates.map(
      (one) => `${formatByteRate(one.bytesPerSecond)} over ${formatDuration(one.periodMs * 1e6)}`,
    ),
  ];
  const periods = dirtyRateByPeriod.map(({ periodMs, bytesPerSecond: { low, median, high } }) => {
    const [from, to] = [formatByteRate(low), formatByteRate(high)];
    const span = from === to ? '' : ` (${from} to ${to})`;
    return `${formatDuration(periodMs * 1e6)} ${formatByteRate(median)}${span}`;
  });
  return [
    `VM: ${parts.join(', ')}.`,
    `Its dirty rate depends on the period: ${periods.join('; ')}.`,
    ...sources.flatMap(({ name, tool, notes }) =>
      notes.length === 0 ? [`${name}: ${tool}.`] : notes.map((note) => `${name}: ${note}`),
    ),
    `A run that is not over after ${timeouts(settings)} counts as one that does not end (--timeout).` +
      (scale === 1 ? '' : ` A page of the runs stood for ${scale} pages of the VM.`),
  ];
}

function timeouts(settings: WhatIfResult['settings']): string {
  const all = [...new Set(settings.map(({ timeoutMs }) => timeoutMs))].toSorted((a, b) => a - b);
  return all.map((ms) => formatDuration(ms * 1e6)).join(' or ');
}

function wordLines({ goal, words, settings }: WhatIfResult): string[] {
  if (!goal || !words) return [];
  const title = settings.find(({ id }) => id === words.setting)?.title ?? words.setting;
  return [
    '',
    `${title}, ready to paste:`,
    ...words.programs.flatMap(({ program, text }) => ['', colours.dim(`${program}:`), text]),
  ];
}
