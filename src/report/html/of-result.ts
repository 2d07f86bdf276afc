import { resultSchema } from '../../result/schema.ts';
import { orMissing, plainIssue } from '../../scenario/plain-issue.ts';
import type { Report } from './model.ts';
import { runReport } from './run/report.ts';

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

/** The kinds of results that have reports, by the name in their key `schema`. */
const KINDS: Readonly<Record<string, { readonly schema?: Schema; report(result: never): Report }>> =
  {
    'pageferry/run@1': { schema: resultSchema, report: runReport },
  };

/** Returns the report of a result of any kind. Throws NoReportError when it is of none that has one, or damaged. */
export function reportOf(result: unknown): Report {
  const name = nameOf(result);
  const kind = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined;
  if (!kind) {
    const found = name === '' ? 'has no key schema' : `has the schema ${JSON.stringify(name)}`;
    throw new NoReportError(`${found}: expected one of ${Object.keys(KINDS).join(', ')}`);
  }
  const parsed = kind.schema?.safeParse(result, { error: plainIssue });
  const issue = parsed?.error?.issues[0];
  if (issue)
    throw new NoReportError(
      `is no whole ${name}: ${issue.path.join('.')}: ${orMissing(issue.message)}`,
    );
  return kind.report(result as never);
}

function nameOf(result: unknown): string {
  if (typeof result !== 'object' || result === null) return '';
  const { schema, format } = result as { schema?: unknown; format?: unknown };
  const name = schema ?? format;
  return typeof name === 'string' ? name : '';
}
