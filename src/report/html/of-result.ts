import { evacuationResultSchema } from '../../fleet/evacuation/result-schema.ts';
import { hostResultSchema } from '../../fleet/host/result-schema.ts';
import { fleetResultSchema } from '../../fleet/datacentre/result-schema.ts';
import { protectResultSchema } from '../../fleet/protect/result-schema.ts';
import { compareSchema } from '../../lab/compare/result.ts';
import { whatIfSchema } from '../../lab/what-if/result.ts';
import { resultSchema } from '../../result/schema.ts';
import { orMissing, plainIssue } from '../../scenario/plain-issue.ts';
import { benchComparisonReport, benchReport, benchRunsReport } from './bench.ts';
import { compareReport } from './compare.ts';
import { evacuationReport } from './evacuation.ts';
import { fleetReport } from './fleet/report.ts';
import { hostReport } from './host/report.ts';
import { listReport } from './list.ts';
import type { Report } from './model.ts';
import { paperReport } from './paper.ts';
import { protectReport } from './protect/report.ts';
import { runReport } from './run/report.ts';
import { validationReport } from './validation.ts';
import { whatIfReport } from './what-if/report.ts';

/** What is given is no result that has a report; the message is a sentence without the file's name. */
export class NoReportError extends Error {
  override readonly name = 'NoReportError';
}

interface Schema {
  safeParse(
    value: unknown,
    options: object,
  ): {
    success: boolean;
    data?: unknown;
    error?: { issues: readonly { path: PropertyKey[]; message: string }[] };
  };
}

interface Kind {
  readonly schema?: Schema;
  readonly report: (result: never) => Report;
}

/** The kinds of results that have reports, by the name in their key `schema`, or `format` for a paper. */
const KINDS: Readonly<Record<string, Kind>> = {
  'pageferry/run@1': { schema: resultSchema, report: runReport },
  'pageferry/evacuation@1': { schema: evacuationResultSchema, report: evacuationReport },
  'pageferry/host@1': { schema: hostResultSchema, report: hostReport },
  'pageferry/protect@1': { schema: protectResultSchema, report: protectReport },
  'pageferry/fleet@1': { schema: fleetResultSchema, report: fleetReport },
  'pageferry/compare@1': { schema: compareSchema, report: compareReport },
  'pageferry/what-if@1': { schema: whatIfSchema, report: whatIfReport },
  'pageferry/paper@1': { report: paperReport },
  'pageferry/bench@1': { report: benchReport },
  'pageferry/bench-runs@1': { report: benchRunsReport },
  'pageferry/bench-comparison@1': { report: benchComparisonReport },
};

/** Returns the report of a result of any kind. Throws NoReportError when it is of none that has one, or damaged. */
export function reportOf(result: unknown): Report {
  if (Array.isArray(result) && result.length > 0) {
    return result.length === 1 ? reportOf(result[0]) : listReport(result.map(reportOf));
  }
  if (isValidation(result))
    return made('what validate writes', { report: validationReport }, result);
  const name = nameOf(result);
  const kind = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined;
  if (kind) return made(name, kind, result);
  const found = name === '' ? 'has no key schema' : `has the schema ${JSON.stringify(name)}`;
  throw new NoReportError(
    `${found}: expected what validate writes, or one of ${Object.keys(KINDS).join(', ')}`,
  );
}

function made(name: string, { schema, report }: Kind, result: unknown): Report {
  const parsed = schema?.safeParse(result, { error: plainIssue });
  const issue = parsed?.error?.issues[0];
  if (issue) {
    throw new NoReportError(
      `is no whole ${name}: ${issue.path.join('.')}: ${orMissing(issue.message)}`,
    );
  }
  if (schema) return report(result as never);
  try {
    return report(result as never);
  } catch (error) {
    // What has no schema of its own fails where something is missing.
    if (!(error instanceof TypeError)) throw error;
    throw new NoReportError(`is no whole ${name}: ${error.message}`);
  }
}

/** What `validate` writes has no name of a schema. */
function isValidation(result: unknown): boolean {
  return (
    typeof result === 'object' &&
    result !== null &&
    'skipped' in result &&
    'summary' in result &&
    'runs' in result &&
    !('schema' in result)
  );
}

function nameOf(result: unknown): string {
  if (typeof result !== 'object' || result === null) return '';
  const { schema, format } = result as { schema?: unknown; format?: unknown };
  const name = schema ?? format;
  return typeof name === 'string' ? name : '';
}
