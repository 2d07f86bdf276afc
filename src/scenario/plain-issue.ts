import type { z } from 'zod';
import { formatValue } from './fields.ts';

/** What messages call the types of values. */
const TYPES: Readonly<Record<string, string>> = {
  number: 'a number',
  int: 'a whole number',
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of keys',
  record: 'a map of keys',
};

/**
 * Returns a sentence about an issue that Zod has found, for schemas without messages of their own: it is the `error`
 * of a parse. Returns undefined for issues that need no sentence, or for which there is none.
 */
export function plainIssue(issue: z.core.$ZodRawIssue): string | undefined {
  const expected = expectedBy(issue);
  return expected === undefined ? undefined : `expected ${expected}, got ${shown(issue.input)}`;
}

function expectedBy(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return TYPES[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return issue.values.map((value) => JSON.stringify(value) ?? String(value)).join(' or ');
    case 'too_small': {
      const { minimum, inclusive, origin } = issue;
      if (origin === 'array') return `a list of at least ${minimum}`;
      return inclusive === false ? `a number above ${minimum}` : `a number of at least ${minimum}`;
    }
    case 'too_big': {
      const { maximum, inclusive, origin } = issue;
      if (origin === 'array') return `a list of at most ${maximum}`;
      return inclusive === false ? `a number below ${maximum}` : `a number of at most ${maximum}`;
    }
    default:
      return undefined;
  }
}

/** Returns a value as messages show it; lists and maps can be of any size. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'object' && value !== null ? 'a map of keys' : formatValue(value);
}

/** Returns a sentence about a value, or about its absence. */
export function orMissing(sentence: string): string {
  const [, expected] = /^(.*), got undefined$/s.exec(sentence) ?? [];
  return expected === undefined ? sentence : `is missing: ${expected}`;
}
