import type { Field } from './fields.ts';
import { code, sentence, table } from './table.ts';

/** A part of a page: the keys below one, with their names as they stand there. */
export interface Section {
  /** The key whose map it is; empty for the outermost one. */
  readonly key: string;
  readonly fields: readonly Field[];
}

/** Divides fields by the longest of `keys` that they stand below; a key itself belongs to the section around it. */
export function sectionsOf(fields: readonly Field[], keys: readonly string[]): Section[] {
  const longestFirst = keys.toSorted((a, b) => b.length - a.length);
  const sectionOf = ({ key }: Field): string =>
    longestFirst.find((one) => key.startsWith(`${one}.`)) ?? '';
  return ['', ...keys].map((key) => ({
    key,
    fields: fields
      .filter((field) => sectionOf(field) === key)
      .map((field) => ({ ...field, key: field.key.slice(key === '' ? 0 : key.length + 1) })),
  }));
}

/** Returns what stands in the column of defaults. */
const fallbackOf = ({ presence, fallback }: Field): string =>
  presence === 'required' ? 'required' : presence === 'defaulted' ? code(fallback) : '';

/** Returns a table of keys of a scenario; `of` is the head of the column of the kinds that have them. */
export const keyTable = (fields: readonly Field[], of = ''): string =>
  table(
    ['key', of, 'value', 'default', 'meaning'],
    fields.map((field) => [
      code(field.key),
      (field.of ?? []).map(code).join(', '),
      field.value,
      fallbackOf(field),
      sentence(field.about),
    ]),
  );

/** Numbers and counts of results are never below 0, which goes without saying. */
const plainValue = (value: string): string => value.replaceAll(/(number) from 0 on/g, '$1');

/** Returns a table of fields of a result. */
export const fieldTable = (fields: readonly Field[]): string =>
  table(
    ['field', 'value', 'meaning'],
    fields.map(({ key, value, presence, about }) => [
      presence === 'optional' ? `${code(key)}?` : code(key),
      plainValue(value),
      sentence(about),
    ]),
  );

/** Returns a table of names with a sentence for each. */
export const nameTable = (
  head: string,
  kinds: readonly { readonly name: string; readonly about: string }[],
): string =>
  table(
    [head, 'what it is'],
    kinds.map(({ name, about }) => [code(name), sentence(about)]),
  );
