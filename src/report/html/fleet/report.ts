import type { FleetResult } from '../../../fleet/datacentre/result-schema.ts';
import { formatBitRate } from '../../../units/rate.ts';
import type { Block, Cell, Column, Report, Table, Tone } from '../model.ts';
import { countText, msText, percentText, plural, sizeText } from '../words.ts';
import { hostsHeat, migrationsChart, responseChart } from './charts.ts';

/** Returns the report of a data centre. */
export function fleetReport(result: FleetResult): Report {
  const { version, clock, policy, durationMs, hosts, guests, totals } = result;
  const name = result.scenario['name'];
  return {
    kind: 'Data centre in virtual time',
    title: `${typeof name === 'string' ? `${name}: ` : ''}${plural(guests.length, 'guest')} on ${plural(hosts.length, 'host')}, policy ${policy}`,
    answer: answerOf(result),
    tone: toneOf(result),
    facts: [
      {
        label: 'agreements violated for',
        value: msText(totals.violationMs),
        detail: `${msText(totals.violationMigratingMs)} of it while a guest of theirs moved`,
      },
      { label: 'requests dropped', value: countText(totals.dropped) },
      {
        label: 'migrations',
        value: `${totals.moved} of ${totals.migrations}`,
        detail: `completed, with ${sizeText(totals.migrationBytes)}`,
      },
      { label: 'overloaded intervals of hosts', value: countText(totals.overloadedIntervals) },
      { label: 'energy', value: `${countText(totals.energyWh)} Wh` },
    ],
    sections: [
      {
        title: 'Over time',
        blocks: [
          ...((hosts[0]?.seriesCpu.length ?? 0) > 0 ? [hostsHeat(result)] : []),
          ...responseChart(result),
          ...migrationsChart(result),
        ].map((figure): Block => ({ kind: 'figure', figure })),
      },
      { title: 'What was decided', blocks: decisionsBlocks(result) },
      ...migrationsSection(result),
      { title: 'Applications', blocks: applicationsBlocks(result) },
      {
        title: 'Hosts and links',
        blocks: [
          { kind: 'table', caption: 'Hosts', table: hostsTable(result), isFilterable: true },
          { kind: 'table', caption: 'Links', table: linksTable(result), isFolded: true },
        ],
      },
      { title: 'Proof', blocks: [proofBlock(result)] },
    ],
    origin: [`Pageferry ${version}, clock: ${clock}`, `${msText(durationMs)} of virtual time`],
  };
}

function toneOf({ ok, outcome, totals }: FleetResult): Tone {
  if (ok === false || outcome !== 'completed' || totals.moved < totals.migrations) return 'bad';
  return totals.violationMs === 0 ? 'good' : 'plain';
}

function answerOf({
  ok,
  outcome,
  reason,
  policy,
  durationMs,
  totals,
  applications,
}: FleetResult): string {
  if (ok === false) return 'A migration lost a byte: see the proof.';
  const ended =
    outcome === 'completed'
      ? ''
      : ` It was stopped after ${msText(durationMs)}${reason === undefined ? '' : `: ${reason}`}.`;
  const moves =
    totals.migrations === 0
      ? `${policy} moved nothing`
      : `${policy} began ${plural(totals.migrations, 'migration')}, of which ${countText(totals.moved)} completed`;
  const kept =
    applications.length === 0
      ? ''
      : totals.violationMs === 0
        ? ' Every agreement was kept.'
        : ` Agreements were violated for ${msText(totals.violationMs)} together.`;
  const hot =
    totals.overloadedIntervals === 0
      ? 'no host was overloaded'
      : `hosts were overloaded in ${plural(totals.overloadedIntervals, 'interval')}`;
  return `In ${msText(durationMs)} ${moves}, and ${hot}.${kept}${ended}`;
}

const columnsOf = (texts: readonly string[], numbers: readonly string[]): Column[] => [
  ...texts.map((name) => ({ name })),
  ...numbers.map((name) => ({ name, isNumber: true })),
];

function decisionsBlocks({ decisions }: FleetResult): Block[] {
  if (decisions.length === 0) return [{ kind: 'text', text: 'Nothing was decided.' }];
  const rows = decisions.map(({ atMs, hotspots, moves, resizes, swaps, isPartial }) => [
    msText(atMs),
    hotspots.map(({ host, guest, resource }) => `${resource} of ${guest ?? host}`).join(', '),
    [
      ...moves.map(({ guest, to, ...more }) => `${guest} → ${to}${sizesText(' with', more)}`),
      ...resizes.map(({ guest, ...sizes }) => `${guest}${sizesText(' gets', sizes)}`),
    ].join(', '),
    [
      ...(swaps > 0 ? [plural(swaps, 'swap')] : []),
      ...(isPartial ? ['hotspots are left'] : []),
    ].join(', '),
  ]);
  const columns = columnsOf(['at', 'hotspots', 'what is done', 'notes'], []);
  return [
    { kind: 'table', caption: 'All decisions', table: { columns, rows }, isFilterable: true },
  ];
}

/** Returns what a guest is given of memory and CPUs after a verb; nothing when it is given neither. */
function sizesText(
  verb: string,
  {
    memoryBytes,
    cpus,
  }: { readonly memoryBytes?: number | undefined; readonly cpus?: number | undefined },
): string {
  const sizes = [
    ...(memoryBytes === undefined ? [] : [sizeText(memoryBytes)]),
    ...(cpus === undefined ? [] : [`${cpus.toFixed(2)} CPUs`]),
  ];
  return sizes.length === 0 ? '' : `${verb} ${sizes.join(' and ')}`;
}

function migrationsSection({ migrations }: FleetResult): Report['sections'] {
  if (migrations.length === 0) return [];
  const rows = migrations.map((one): (string | Cell)[] => [
    one.guest,
    one.from,
    one.to,
    one.outcome === 'completed' ? one.outcome : { text: one.outcome, tone: 'bad' },
    msText(one.startMs),
    msText(one.endMs - one.startMs),
    one.downtimeMs === undefined ? '' : msText(one.downtimeMs),
    sizeText(one.bytes),
  ]);
  const columns = columnsOf(
    ['guest', 'from', 'to', 'outcome'],
    ['begun at', 'time', 'downtime', 'sent'],
  );
  return [
    {
      title: 'Migrations',
      blocks: [
        { kind: 'table', caption: 'All migrations', table: { columns, rows }, isFilterable: true },
      ],
    },
  ];
}

function applicationsBlocks({ applications }: FleetResult): Block[] {
  if (applications.length === 0) {
    return [{ kind: 'text', text: 'The guests serve no applications.' }];
  }
  const rows = applications.map((one) => [
    one.name,
    countText(one.served),
    countText(one.dropped),
    msText(one.responseMs.mean),
    msText(one.responseMs.p99),
    msText(one.violationMs),
    msText(one.violationMigratingMs),
    countText(one.cost),
  ]);
  const columns = columnsOf(
    ['application'],
    ['served', 'dropped', 'response', 'p99', 'violated for', 'while moving', 'cost'],
  );
  return [
    { kind: 'table', caption: 'All applications', table: { columns, rows }, isFilterable: true },
  ];
}

function hostsTable({ hosts }: FleetResult): Table {
  return {
    columns: columnsOf(
      ['host', 'rack'],
      ['guests', 'mean CPU', 'most CPU', 'overloaded intervals', 'energy'],
    ),
    rows: hosts.map((one) => [
      one.name,
      `${one.cluster}/${one.rack}`,
      countText(one.guests),
      percentText(one.meanCpu),
      percentText(one.maxCpu),
      countText(one.overloadedIntervals),
      `${countText(one.energyWh)} Wh`,
    ]),
  };
}

function linksTable({ links }: FleetResult): Table {
  return {
    columns: columnsOf(['link'], ['capacity', 'migrations', 'applications']),
    rows: links.map(({ name, bytesPerSecond, migrationBytes, applicationBytes }) => [
      name,
      bytesPerSecond === undefined ? 'unlimited' : formatBitRate(bytesPerSecond),
      sizeText(migrationBytes),
      sizeText(applicationBytes),
    ]),
  };
}

function proofBlock({ ok, migrations }: FleetResult): Block {
  if (ok === undefined) return { kind: 'text', text: 'No migration was proved.' };
  if (!ok) {
    const lost = migrations.filter(({ run }) => run?.verify?.ok === false);
    return {
      kind: 'warning',
      text: `These migrations lost a byte: ${lost.map(({ guest, to }) => `${guest} → ${to}`).join(', ')}.`,
    };
  }
  const pages = migrations.reduce((sum, { run }) => sum + (run?.verify?.pagesCompared ?? 0), 0);
  return {
    kind: 'text',
    text: `All ${countText(pages)} pages of ${plural(migrations.length, 'migration')} are what a replay of the guest’s accesses makes them.`,
  };
}
