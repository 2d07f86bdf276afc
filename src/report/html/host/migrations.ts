import type { HostResult } from '../../../fleet/host/result-schema.ts';
import type { Block, Table } from '../model.ts';
import { countText, msText, sizeText } from '../words.ts';

type Migration = NonNullable<HostResult['migrations']>[number];

/** Returns the table of the migrations between the hosts; nothing when there were none. */
export function migrationBlocks({ migrations = [] }: HostResult): Block[] {
  if (migrations.length === 0) return [];
  return [
    {
      kind: 'table',
      caption: 'Migrations, in the order in which they were asked for',
      table: migrationsTable(migrations),
    },
  ];
}

function migrationsTable(migrations: readonly Migration[]): Table {
  const numbers = [
    'asked for at',
    'time',
    'downtime',
    'sent',
    'balloon',
    'brought in to be sent, pages',
    'stayed in the swap store, pages',
    'memory of both hosts at most',
  ];
  return {
    columns: [
      { name: 'guest' },
      { name: 'way' },
      { name: 'outcome' },
      ...numbers.map((name) => ({ name, isNumber: true })),
    ],
    rows: migrations.map((one) => [
      one.guest,
      `${one.from} → ${one.to}`,
      outcomeOf(one),
      msText(one.askedMs),
      one.run ? msText(one.run.totalTimeMs) : '',
      one.run?.downtimeMs === undefined ? '' : msText(one.run.downtimeMs),
      one.run ? sizeText(one.run.ram.transferred) : '',
      one.balloonedBytes === undefined ? '' : sizeText(one.balloonedBytes),
      one.fetchedPages === undefined ? '' : countText(one.fetchedPages),
      one.swappedPages === undefined ? '' : countText(one.swappedPages),
      one.usedBytes ? sizeText(one.usedBytes.peak) : '',
    ]),
  };
}

function outcomeOf({ refusal, run }: Migration): Table['rows'][number][number] {
  if (run?.outcome === 'completed') return run.outcome;
  return { text: refusal ?? run?.error ?? run?.outcome ?? 'not over', tone: 'bad' };
}
