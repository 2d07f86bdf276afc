import { buildResult } from '../../result/build.ts';
import type { LoadedHost } from './load.ts';
import type { HostReport } from './report.ts';
import type { HostResult } from './result-schema.ts';

type MigrationResult = NonNullable<HostResult['migrations']>[number];

/** Builds what the result has of each migration; a migration's run has the proof of its guest's whole life. */
export function migrationResults(
  { config, scenarios }: LoadedHost,
  { migrations, proof }: HostReport,
): MigrationResult[] {
  const { pageSize } = config.host;
  return migrations.map((record): MigrationResult => {
    const { guest, from, to, askedNs, startNs, endNs, refusal, report, usedPages } = record;
    const index = config.guests.findIndex(({ name }) => name === guest);
    const found = proof?.guests.find(({ name }) => name === guest)?.proof;
    const scenario = scenarios[index]! as unknown as Record<string, unknown>;
    const swapped = report?.source.swappedPages;
    return {
      guest,
      from,
      to,
      askedMs: ms(askedNs),
      ...(startNs === undefined ? {} : { startMs: ms(startNs) }),
      ...(endNs === undefined ? {} : { endMs: ms(endNs) }),
      ...(refusal === undefined ? {} : { refusal }),
      ...(record.balloonPages === undefined
        ? {}
        : { balloonedBytes: record.balloonPages * pageSize }),
      ...(record.fetchedPages === undefined ? {} : { fetchedPages: record.fetchedPages }),
      ...(swapped === undefined ? {} : { swappedPages: swapped }),
      ...(usedPages
        ? {
            usedBytes: {
              before: usedPages.before * pageSize,
              peak: usedPages.peak * pageSize,
              ...(usedPages.after === undefined ? {} : { after: usedPages.after * pageSize }),
            },
          }
        : {}),
      ...(report
        ? { run: buildResult(scenario, { ...report, ...(found ? { proof: found } : {}) }) }
        : {}),
    };
  });
}

const ms = (ns: number): number => ns / 1e6;
