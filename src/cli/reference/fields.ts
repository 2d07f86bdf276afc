import { z } from 'zod';
import type { Descriptions } from '../../scenario/descriptions.ts';
import {
  accessRate,
  allowance,
  duration,
  flag,
  ownKindMap,
  period,
  positiveDuration,
  positiveSize,
  rate,
  size,
  text,
} from '../../scenario/fields.ts';
import { code } from './table.ts';

/** A key of a schema, as a page of the reference lists it. */
export interface Field {
  /** The key with those around it, such as `guest.contents[].kind`. */
  readonly key: string;
  /** Which values it takes. */
  readonly value: string;
  readonly presence: 'required' | 'optional' | 'defaulted';
  /** The default as it is written; empty when there is none. */
  readonly fallback: string;
  /** What it means; empty when nothing says so. */
  readonly about: string;
  /** The kinds that have it, where a map has one of several kinds, such as `pattern`; absent: all of them. */
  readonly of?: readonly string[];
}

/** The part of a Zod schema's definition that is read here. */
interface Definition {
  readonly type: string;
  readonly innerType?: z.ZodType;
  readonly in?: z.ZodType;
  readonly out?: z.ZodType;
  readonly element?: z.ZodType;
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly options?: readonly z.ZodType[];
  readonly values?: readonly unknown[];
  readonly entries?: Readonly<Record<string, string>>;
  readonly discriminator?: string;
  readonly defaultValue?: unknown;
  readonly checks?: readonly {
    readonly _zod: { readonly def: { readonly check: string; readonly inclusive?: boolean } };
  }[];
}

const definition = (schema: z.ZodType): Definition => schema.def;

/** Quantities keep their definition when they are described, by which they are known here. */
const QUANTITIES: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [size.def, 'size'],
  [positiveSize.def, 'size above 0'],
  [rate.def, 'rate, or `unlimited`'],
  [duration.def, 'duration'],
  [positiveDuration.def, 'duration above 0'],
  [period.def, 'duration of 1ms or more'],
  [allowance.def, 'duration, `none` or `unlimited`'],
  [accessRate.def, 'number above 0, or `max`'],
  [flag.def, '`true`, `false`'],
  [text.def, 'text'],
  [ownKindMap.def, 'a kind of your own, `{ module, export, options }`'],
]);

/** Returns the keys of the map that a schema describes, those of maps and lists in it behind their own. */
export function fieldsOf(schema: z.ZodType, descriptions: Descriptions, key = ''): Field[] {
  const inner = unwrapped(schema).schema;
  const { type, shape, element, options, discriminator } = definition(inner);
  if (QUANTITIES.has(inner.def)) return [];
  if (shape) {
    return Object.entries(shape).flatMap(([name, value]) => {
      const at = key === '' ? name : `${key}.${name}`;
      return [fieldOf(value, at, descriptions), ...fieldsOf(value, descriptions, at)];
    });
  }
  if (type === 'array') return fieldsOf(element!, descriptions, `${key}[]`);
  if (!options) return [];
  const lists = options.map((option) => fieldsOf(option, descriptions, key));
  if (discriminator === undefined) return distinct(lists.flat());
  return ofKinds(`${key}.${discriminator}`, namesOf(options, discriminator), lists);
}

/** Returns the names of the kinds among which a union's discriminator chooses. */
const namesOf = (options: readonly z.ZodType[], discriminator: string): string[] =>
  options.map((option) => {
    const literal = definition(option).shape![discriminator]!;
    return String(definition(literal).values![0]);
  });

/**
 * Puts the keys of several kinds of a map into one list: the key that names the kind, what all kinds have, and what only
 * some of them have.
 */
function ofKinds(
  key: string,
  names: readonly string[],
  lists: readonly (readonly Field[])[],
): Field[] {
  const kindsOf = new Map<string, string[]>();
  lists.forEach((list, i) => {
    for (const field of list) {
      const facts = JSON.stringify(field);
      kindsOf.set(facts, [...(kindsOf.get(facts) ?? []), names[i]!]);
    }
  });
  const fields = [...kindsOf].map(([facts, of]) => ({ ...(JSON.parse(facts) as Field), of }));
  const { about } = fields.find((field) => field.key === key)!;
  const value = names.map(code).join(', ');
  const own = fields.filter((field) => field.key !== key && field.of.length < names.length);
  const placeOf = (field: Field): number => own.findIndex((one) => one.key === field.key);
  const shared = [...kindsOf]
    .filter(([, of]) => of.length === names.length)
    .map(([facts]) => JSON.parse(facts) as Field);
  return [
    { key, value, presence: 'required', fallback: '', about },
    ...shared,
    // The entries of a key that differ from kind to kind stand together.
    ...own.toSorted((a, b) => placeOf(a) - placeOf(b)),
  ];
}

const distinct = (fields: readonly Field[]): Field[] =>
  fields.filter((field, i) => fields.findIndex(({ key }) => key === field.key) === i);

function fieldOf(schema: z.ZodType, key: string, descriptions: Descriptions): Field {
  const { schema: inner, presence, fallback } = unwrapped(schema);
  const about = schema.description ?? inner.description ?? descriptions[key] ?? '';
  return { key, value: valueOf(inner), presence, fallback, about };
}

/** Returns a schema without what says that it may be absent, and what that said. */
function unwrapped(schema: z.ZodType): {
  schema: z.ZodType;
  presence: Field['presence'];
  fallback: string;
} {
  let inner = schema;
  let presence: Field['presence'] = 'required';
  let fallback = '';
  for (;;) {
    const { type, innerType, defaultValue, in: before, out } = definition(inner);
    if (type === 'pipe') {
      // A preprocessing comes before the schema that matters.
      inner = definition(before!).type === 'transform' ? out! : before!;
      continue;
    }
    if (!innerType) return { schema: inner, presence, fallback };
    if (type === 'optional' && presence === 'required') presence = 'optional';
    if (type === 'default') {
      presence = 'defaulted';
      fallback = written(defaultValue);
    }
    if (type === 'prefault') presence = 'optional';
    inner = innerType;
  }
}

/** Returns a value as a scenario has it. */
function written(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(written).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const entries = Object.entries(value).map(([key, inner]) => `${key}: ${written(inner)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

function valueOf(schema: z.ZodType): string {
  const known = QUANTITIES.get(schema.def);
  if (known !== undefined) return known;
  const { type, element, options, values, entries } = definition(schema);
  switch (type) {
    case 'enum':
      return Object.values(entries!).map(code).join(', ');
    case 'literal':
      return values!.map((value) => code(String(value))).join(', ');
    case 'array': {
      const of = valueOf(unwrapped(element!).schema);
      return of === 'map' ? 'list of maps' : `list of: ${of}`;
    }
    case 'object':
    case 'record':
      return 'map';
    case 'union':
      return unionOf(options!);
    case 'number':
      return numberOf(schema as z.ZodNumber);
    case 'boolean':
      return '`true`, `false`';
    default:
      return 'text';
  }
}

function unionOf(options: readonly z.ZodType[]): string {
  const values = options.map((option) => valueOf(unwrapped(option).schema));
  // A text or a number is a quantity with its unit, or a plain one.
  if (values.join(' ') === 'text number') return 'quantity';
  if (values.every((value) => value === 'map')) return 'map';
  return values.join(values.every((value) => value.startsWith('`')) ? ', ' : ', or ');
}

function numberOf(schema: z.ZodNumber): string {
  const { minValue, maxValue, isInt } = schema;
  const name = isInt ? 'whole number' : 'number';
  const isAbove = definition(schema).checks?.some(
    ({ _zod: { def } }) => def.check === 'greater_than' && def.inclusive === false,
  );
  if (isAbove) return `${name} above ${minValue}`;
  const low = minValue !== null && Number.isFinite(minValue) && minValue > Number.MIN_SAFE_INTEGER;
  const high = maxValue !== null && Number.isFinite(maxValue) && maxValue < Number.MAX_SAFE_INTEGER;
  if (low && high) return `${name} from ${minValue} to ${maxValue}`;
  if (low) return `${name} from ${minValue} on`;
  return high ? `${name} up to ${maxValue}` : name;
}
