import { z } from 'zod';
import type { Key, Keys, Shape, ValueOf, WrittenValueOf } from '../units/keys.ts';
import {
  accessRate,
  allowance,
  choice,
  duration,
  flag,
  MOST_ENTRIES,
  numbersAsText,
  ownKind,
  ownKindMap,
  positiveDuration,
  positiveSize,
  rate,
  share,
  size,
  formatValue,
  tooManyEntries,
  whole,
} from './fields.ts';

type Plain<One> = z.ZodType<ValueOf<One>, WrittenValueOf<One>>;

type Field<One> = One extends { presence: 'optional' }
  ? z.ZodOptional<Plain<One>>
  : One extends { presence: 'defaulted' }
    ? z.ZodDefault<Plain<One>>
    : Plain<One>;

export type FieldsOf<Table> = { [Name in keyof Table]: Field<Table[Name]> };

/** Returns the schemas of described keys (units/keys.ts), from which a schema of their map can be made. */
export function fieldsOf<Table extends Keys>(keys: Table): FieldsOf<Table> {
  const fields = Object.entries(keys).map(([name, key]) => [name, fieldOf(key)] as const);
  return Object.fromEntries(fields) as FieldsOf<Table>;
}

function fieldOf(key: Key): z.ZodType {
  const schema = schemaOf(key.shape);
  if (key.presence === 'required') return schema.describe(sentence(key.about));
  if (key.presence === 'optional') return schema.optional().describe(sentence(key.about));
  const source = key.source === undefined ? '' : ` Default: ${sentence(key.source)}`;
  // Each scenario gets a copy, as whoever has it may change it.
  const fallback = (): unknown => structuredClone(key.fallback);
  return schema.default(fallback).describe(sentence(key.about) + source);
}

const sentence = (text: string): string => (text.endsWith('.') ? text : `${text}.`);

function schemaOf(shape: Shape): z.ZodType {
  switch (shape.is) {
    case 'flag':
      return flag;
    case 'rate':
      return rate;
    case 'duration':
      return duration;
    case 'positiveDuration':
      return positiveDuration;
    case 'size':
      return size;
    case 'positiveSize':
      return positiveSize;
    case 'whole':
      return whole(shape.low, shape.high);
    case 'share':
      return share(shape.low, shape.high);
    case 'number':
      return number(shape);
    case 'name':
      return nameOf(shape);
    case 'accessRate':
      return accessRate;
    case 'allowance':
      return allowance;
    case 'list':
      return z
        .array(schemaOf(shape.of), { error: shape.expected })
        .max(MOST_ENTRIES, { error: tooManyEntries(MOST_ENTRIES) });
    case 'map':
      // An empty map stands for its defaults, as the whole key does when it is left out.
      return z.strictObject(fieldsOf(shape.keys));
    default:
      return choiceOf(shape);
  }
}

function choiceOf(shape: Extract<Shape, { readonly is: 'choice' }>): z.ZodType {
  const { values, later, takesNumbers, takesOwn } = shape;
  const known = choice(values, later);
  if (takesNumbers) return numbersAsText(known);
  return takesOwn ? ownKind(values, known) : known;
}

function nameOf({ what, takesOwn }: Extract<Shape, { readonly is: 'name' }>): z.ZodType {
  const error = ({ input }: { input?: unknown }): string =>
    `expected ${what}, got ${formatValue(input)}`;
  return takesOwn ? z.union([z.string(), ownKindMap], { error }) : z.string({ error });
}

function number(shape: Extract<Shape, { readonly is: 'number' }>): z.ZodType {
  const { what, example = what, low = -Infinity, high = Infinity, above } = shape;
  const error = ({ input }: { input?: unknown }): string =>
    `expected ${what}, got ${formatValue(input)}`;
  const inRange = z.number({
    error: ({ input }) => `expected ${example}, got ${formatValue(input)}`,
  });
  const atLeast = low === -Infinity ? inRange : inRange.min(low, { error });
  const atMost = high === Infinity ? atLeast : atLeast.max(high, { error });
  return above === undefined ? atMost : atMost.gt(above, { error });
}
