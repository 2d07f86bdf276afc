import { JsonError, parseJson } from '../../../scenario/json.ts';
import { PasteError } from './parser.ts';

/**
 * Returns the JSON objects in a text one after the other, with whatever a terminal shows between them left out, such as
 * prompts and commands. What QMP returns is taken out of its `return`. Throws PasteError for an object that has no end
 * or is no JSON.
 */
export function jsonObjects(text: string): Readonly<Record<string, unknown>>[] {
  const objects: Readonly<Record<string, unknown>>[] = [];
  for (let at = text.indexOf('{'); at >= 0; at = text.indexOf('{', at)) {
    const end = endOfObject(text, at);
    if (end === undefined) {
      throw new PasteError('a JSON object begins and does not end: paste all of it');
    }
    objects.push(unwrapped(parsed(text.slice(at, end))));
    at = end;
  }
  return objects;
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return parseJson(text) as Readonly<Record<string, unknown>>;
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new PasteError(error.message);
  }
}

function unwrapped(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const inner = value['return'];
  const isMap = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
  return isMap ? (inner as Readonly<Record<string, unknown>>) : value;
}

/** Returns the index after the object that begins at `start`; undefined when it does not end. */
function endOfObject(text: string, start: number): number | undefined {
  let depth = 0;
  let isInString = false;
  for (let i = start; i < text.length; i++) {
    const character = text[i];
    if (isInString) {
      if (character === '\\') i++;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === '{') depth++;
    else if (character === '}' && --depth === 0) return i + 1;
  }
  return undefined;
}

/** Returns the number under a key; undefined when there is none. Throws PasteError for anything else. */
export function numberAt(
  value: Readonly<Record<string, unknown>>,
  key: string,
): number | undefined {
  const number = value[key];
  if (number === undefined || number === null) return undefined;
  if (typeof number === 'number' && Number.isFinite(number)) return number;
  throw new PasteError(`expected a number for "${key}", got ${JSON.stringify(number)}`);
}
