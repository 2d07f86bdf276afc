import { parseKey, type Path } from '../../scenario/document.ts';
import { parseYaml, plainValue } from '../../scenario/yaml.ts';
import { measure } from './quantity.ts';

/** Returns the value of a scenario's key at a point of a sweep; undefined when the scenario does not have it. */
export type ValueOf = (path: Path) => unknown;

/** A condition that a point of a sweep must meet. */
export type Condition = (valueOf: ValueOf) => boolean;

const OPERATORS = ['<=', '>=', '!=', '=', '<', '>'] as const;
type Operator = (typeof OPERATORS)[number];

/** A condition that can't be understood; the message says what is wrong. */
export class ConditionError extends Error {
  override readonly name = 'ConditionError';
}

/**
 * Parses a condition: `KEY OPERATOR VALUE`, several of them joined by `and`, and several of those joined by `or`. What
 * stands on either side is a key of the scenario or a value. Quantities of one kind are compared by their amounts.
 * Throws ConditionError.
 */
export function parseCondition(text: string): Condition {
  const alternatives = text
    .split(/\s+or\s+/)
    .map((part) => part.split(/\s+and\s+/).map(comparison));
  return (valueOf) => alternatives.some((all) => all.every((holds) => holds(valueOf)));
}

function comparison(text: string): Condition {
  const match = /^\s*(.+?)\s*(<=|>=|!=|=|<|>)\s*(.+?)\s*$/s.exec(text);
  if (!match || match[3]!.startsWith('=')) {
    throw new ConditionError(
      `expected a comparison such as guest.vcpus <= 4, with one of ${OPERATORS.join(' ')}, got "${text}"`,
    );
  }
  const [left, right] = [operand(match[1]!), operand(match[3]!)];
  const operator = match[2] as Operator;
  return (valueOf) => compare(operator, left(valueOf), right(valueOf), text);
}

/** Returns what reads one side of a comparison. A word with a dot or an index is a key, as is one that names a value. */
function operand(text: string): (valueOf: ValueOf) => unknown {
  const path = parseKey(text);
  const { document, problems } = parseYaml(text);
  const value = problems.length > 0 ? text : plainValue(document);
  if (!path || measure(text)) return () => value;
  return (valueOf) => {
    const found = valueOf(path);
    return found === undefined && path.length === 1 ? value : found;
  };
}

function compare(operator: Operator, left: unknown, right: unknown, text: string): boolean {
  // A point that does not have the key has nothing that could differ from a value, or be equal to it.
  if (left === undefined || right === undefined) return operator === '!=';
  const [a, b] = [measure(left), measure(right)];
  const areComparable = a && b && (a.kind === b.kind || a.kind === 'number' || b.kind === 'number');
  if (areComparable) return HOLDS[operator](a.amount - b.amount);
  if (operator === '=' || operator === '!=') {
    return (JSON.stringify(left) === JSON.stringify(right)) === (operator === '=');
  }
  throw new ConditionError(
    `${JSON.stringify(left)} and ${JSON.stringify(right)} can't be put in order: "${text}"`,
  );
}

const HOLDS: Readonly<Record<Operator, (difference: number) => boolean>> = {
  '<': (difference) => difference < 0,
  '<=': (difference) => difference <= 0,
  '>': (difference) => difference > 0,
  '>=': (difference) => difference >= 0,
  '=': (difference) => difference === 0,
  '!=': (difference) => difference !== 0,
};
