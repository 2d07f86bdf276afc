import type { Finding } from '../facts.ts';

/** A pasted output that can't be used; the message has no place yet. */
export class PasteError extends Error {
  override readonly name = 'PasteError';
}

/** A parser of what one tool prints. */
export interface PasteParser {
  /** The command that prints it, for the help and for messages. */
  readonly tool: string;
  /** Returns whether a text looks like that tool's. */
  recognises(text: string): boolean;
  /** Throws PasteError when the text is that tool's and still says nothing that can be used. */
  parse(text: string): Finding;
}

/** Returns the text after `NAME:` on a line of its own, without blanks around it; undefined when there is none. */
export function fieldOf(text: string, name: string): string | undefined {
  const escaped = name.replaceAll(/[()[\].+*?^$|\\]/g, String.raw`\$&`);
  return new RegExp(String.raw`^[ \t]*${escaped}:[ \t]*(.*?)[ \t\r]*$`, 'm').exec(text)?.[1];
}

/** Returns the number with which a field begins; undefined when the field is not there. Throws PasteError. */
export function numberOf(text: string, name: string): number | undefined {
  const field = fieldOf(text, name);
  if (field === undefined) return undefined;
  const value = /^-?\d+(?:\.\d+)?(?![\d.])/.exec(field)?.[0];
  if (value === undefined) {
    throw new PasteError(`expected a number after "${name}:", got "${field}"`);
  }
  return Number(value);
}

const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  bytes: 1,
  kib: 1024,
  kbytes: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
};

/** Parses a size as these tools print it, such as `1.004 GiB`, `12 kbytes` or `5.4 GiB/s`. Throws PasteError. */
export function sizeOf(value: string, name: string): number {
  const parts = /^(\d+(?:\.\d+)?) ?([A-Za-z]+)(?:\/s)?,?$/.exec(value);
  const factor = UNITS[parts?.[2]?.toLowerCase() ?? ''];
  if (!parts || factor === undefined) {
    throw new PasteError(`expected a size such as 4.012 GiB for "${name}", got "${value}"`);
  }
  return Math.round(Number(parts[1]) * factor);
}

/** Returns the size in a field; undefined when the field is not there. Throws PasteError. */
export function sizeField(text: string, name: string): number | undefined {
  const field = fieldOf(text, name);
  return field === undefined ? undefined : sizeOf(field, name);
}

/** Returns an object without the keys whose values are undefined. */
export function known<Shape extends object>(shape: {
  readonly [Key in keyof Shape]: Shape[Key] | undefined;
}): Shape {
  const entries = Object.entries(shape).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Shape;
}
