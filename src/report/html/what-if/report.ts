import type {
  GoalAnswer,
  Interval,
  SettingAnswer,
  WhatIfResult,
} from '../../../lab/what-if/result.ts';
import { formatBitRate, formatByteRate } from '../../../units/rate.ts';
import type { Block, Cell, Fact, Report, Section, Table, Tone } from '../model.ts';
import { paretoBlocks, periodBlocks } from './charts.ts';
import { countText, msText, percentText, plural, sizeText } from '../words.ts';

/** Returns the report of an answer to what a migration of a real VM would be like. */
export function whatIfReport(result: WhatIfResult): Report {
  const { answer, version, trust, seed, scale } = result;
  return {
    kind: 'What if',
    title: `A VM of ${sizeText(result.facts.memoryBytes)} over ${formatBitRate(result.facts.linkBytesPerSecond)}`,
    answer,
    tone: toneOf(result),
    facts: factsOf(result),
    sections: [
      { title: 'The trade-off', blocks: paretoBlocks(result) },
      {
        title: 'Settings',
        blocks: [
          {
            kind: 'table',
            caption: 'Medians over the runs that completed, and the range of nine tenths of them',
            table: settingsTable(result),
          },
        ],
      },
      ...goalSection(result),
      ...wordsSection(result),
      ...(trust.length > 0
        ? [
            {
              title: 'What the answer rests on',
              blocks: [{ kind: 'list' as const, items: trust }, ...periodBlocks(result)],
            },
          ]
        : []),
      { title: 'Measurements', blocks: measurements(result) },
    ],
    origin: [
      `Pageferry ${version}, seed ${seed}`,
      ...(scale > 1 ? [`A page of the runs stood for ${countText(scale)} pages of the VM.`] : []),
    ],
  };
}

function toneOf({ goal, settings }: WhatIfResult): Tone {
  if (goal) return goal.cheapest === undefined ? 'bad' : 'good';
  if (settings.every(({ verdict }) => verdict === 'converges')) return 'good';
  return settings.some(({ verdict }) => verdict === 'converges') ? 'plain' : 'bad';
}

function factsOf({ facts, settings, guests }: WhatIfResult): Fact[] {
  const [rate] = facts.rates;
  const by = rate?.source === 'given' ? 'as given' : `by ${rate?.source.replaceAll('-', ' ')}`;
  const period = rate ? `over ${msText(rate.periodMs)}, ${by}` : '';
  return [
    {
      label: 'memory',
      value: sizeText(facts.memoryBytes),
      ...(facts.usedBytes === undefined ? {} : { detail: `${sizeText(facts.usedBytes)} in use` }),
    },
    {
      label: 'link',
      value: formatBitRate(facts.linkBytesPerSecond),
      ...(facts.maxBytesPerSecond === undefined
        ? {}
        : { detail: `at most ${formatBitRate(facts.maxBytesPerSecond)} of it` }),
    },
    ...(rate
      ? [{ label: 'dirty rate', value: formatByteRate(rate.bytesPerSecond), detail: period }]
      : []),
    { label: 'downtime limit', value: msText(facts.downtimeLimitMs) },
    {
      label: 'settings that converge',
      value: `${settings.filter(({ verdict }) => verdict === 'converges').length} of ${settings.length}`,
    },
    {
      label: 'runs',
      value: countText(settings.reduce((sum, { runs }) => sum + runs, 0)),
      detail: plural(guests.length, 'guest'),
    },
  ];
}

const VERDICT_TONES: Readonly<Record<SettingAnswer['verdict'], Tone>> = {
  converges: 'good',
  'may converge': 'plain',
  'does not converge': 'bad',
};

function range(interval: Interval | undefined, text: (value: number) => string): string {
  if (!interval) return '';
  const { low, median, high } = interval;
  return low === high ? text(median) : `${text(median)} (${text(low)} to ${text(high)})`;
}

function settingsTable({ settings, goal }: WhatIfResult): Table {
  const isFor = goal !== undefined;
  const isNeeded = settings.some(({ neededDowntimeLimitMs }) => neededDowntimeLimitMs);
  return {
    columns: [
      { name: 'setting' },
      { name: 'verdict' },
      ...[
        'completed',
        'total time',
        'downtime',
        'sent',
        'guest slower by',
        ...(isFor ? ['met the goal'] : []),
        ...(isNeeded ? ['needed limit'] : []),
      ].map((name) => ({ name, isNumber: true })),
    ],
    rows: settings.map((one): (string | Cell)[] => [
      one.title,
      { text: one.verdict, tone: VERDICT_TONES[one.verdict] },
      `${one.completed} of ${one.runs}`,
      range(one.totalTimeMs, msText),
      range(one.downtimeMs, msText),
      one.transferredBytes ? sizeText(one.transferredBytes.median) : '',
      one.slowdown ? percentText(one.slowdown.median) : '',
      ...(isFor ? [one.metGoal === undefined ? '' : `${one.metGoal} of ${one.runs}`] : []),
      ...(isNeeded
        ? [one.neededDowntimeLimitMs ? msText(one.neededDowntimeLimitMs.median) : '']
        : []),
    ]),
  };
}

const edgeTable = (name: string, rows: string[][]): Block[] =>
  rows.length === 0
    ? []
    : [
        {
          kind: 'table',
          caption: name,
          table: { columns: [{ name: 'setting' }, { name, isNumber: true }], rows },
        },
      ];

function goalSection({ goal, settings }: WhatIfResult): Section[] {
  if (!goal) return [];
  const titleOf = (id: string): string => settings.find((one) => one.id === id)?.title ?? id;
  const limits = [
    ...(goal.maxDowntimeMs === undefined
      ? []
      : [`a downtime of at most ${msText(goal.maxDowntimeMs)}`]),
    ...(goal.maxTotalTimeMs === undefined
      ? []
      : [`a total time of at most ${msText(goal.maxTotalTimeMs)}`]),
  ];
  const cheapest =
    goal.cheapest === undefined
      ? 'No setting meets it.'
      : `The gentlest setting that meets it is ${titleOf(goal.cheapest)}.`;
  const beyond = { below: 'less than ', above: 'more than ' } as const;
  const edges = (list: GoalAnswer['leastBandwidth'], text: (value: number) => string): string[][] =>
    list.map(({ setting, bytesPerSecond, isBeyond }) => [
      titleOf(setting),
      `${isBeyond ? beyond[isBeyond] : ''}${text(bytesPerSecond)}`,
    ]);
  return [
    {
      title: 'The goal',
      blocks: [
        { kind: 'text', text: `The goal is ${limits.join(' and ')}. ${cheapest}` },
        ...edgeTable('Least bandwidth that meets it', edges(goal.leastBandwidth, formatBitRate)),
        ...edgeTable(
          'Largest dirty rate that meets it',
          edges(goal.tolerableDirtyRate, formatByteRate),
        ),
      ],
    },
  ];
}

function wordsSection({ words, settings }: WhatIfResult): Section[] {
  if (!words) return [];
  const title = settings.find(({ id }) => id === words.setting)?.title ?? words.setting;
  return [
    {
      title: 'Ready to paste',
      blocks: [
        { kind: 'text', text: `The setting "${title}" in the words of each program:` },
        ...words.programs.map(({ program, text }): Block => ({
          kind: 'code',
          caption: program,
          text,
        })),
      ],
    },
  ];
}

function given(sources: WhatIfResult['sources']): Block {
  return {
    kind: 'table',
    caption: 'What was given',
    table: {
      columns: [{ name: 'source' }, { name: 'tool' }, { name: 'notes' }],
      rows: sources.map(({ name, tool, notes }) => [name, tool, notes.join(' ')]),
    },
  };
}

function measurements({ sources, facts, guests }: WhatIfResult): Block[] {
  const guestRows = guests.map(({ pattern, workingSetBytes, writesPerSecond }) => [
    pattern,
    sizeText(workingSetBytes),
    countText(writesPerSecond),
  ]);
  return [
    ...(sources.length === 0 ? [] : [given(sources)]),
    {
      kind: 'table',
      caption: 'Dirty rates',
      table: {
        columns: [
          { name: 'measured by' },
          { name: 'rate', isNumber: true },
          { name: 'period', isNumber: true },
        ],
        rows: facts.rates.map(({ source, bytesPerSecond, periodMs, isPeriodEstimated }) => [
          source,
          formatByteRate(bytesPerSecond),
          `${msText(periodMs)}${isPeriodEstimated ? ' (estimated)' : ''}`,
        ]),
      },
    },
    {
      kind: 'table',
      caption: 'The guests of the runs, which reproduce what was measured',
      table: {
        columns: [
          { name: 'pattern' },
          { name: 'working set', isNumber: true },
          { name: 'writes a second', isNumber: true },
        ],
        rows: guestRows,
      },
      isFolded: true,
    },
  ];
}
