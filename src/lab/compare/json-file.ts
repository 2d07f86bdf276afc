import { InputError } from '../../scenario/input-error.ts';
import { JsonError, parseJson } from '../../scenario/json.ts';
import { ReadError, readText } from '../../scenario/read-text.ts';

const MOST_FILE_BYTES = 32 * 1024 * 1024;

/** Returns the error that a file can't be used. */
export function refuse(path: string, sentence: string): InputError {
  return new InputError([{ place: path, key: '', sentence }]);
}

/** Reads the JSON of a file, which has `expected` in it. Throws InputError. */
export function jsonOf(path: string, expected: string): unknown {
  try {
    return parseJson(readText(path, MOST_FILE_BYTES));
  } catch (error) {
    if (error instanceof JsonError) {
      const { place, message } = error;
      if (place === undefined) throw refuse(path, `is no JSON: expected ${expected}`);
      throw refuse(`${path}:${place}`, message);
    }
    if (!(error instanceof ReadError)) throw error;
    throw refuse(path, error.code === 'ENOENT' ? 'there is no such file' : error.message);
  }
}
