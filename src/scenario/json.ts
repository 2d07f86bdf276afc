import { MOST_LEVELS, tooDeep } from './yaml.ts';

/** A text is no JSON that can be used. */
export class JsonError extends Error {
  override readonly name = 'JsonError';
  /** `LINE:COL`, where that is known. */
  readonly place: string | undefined;

  constructor(sentence: string, place?: string) {
    super(sentence);
    this.place = place;
  }
}

/**
 * Parses JSON whose lists and maps nest at most MOST_LEVELS deep, so that whoever walks over the value may call itself
 * at each level. Throws JsonError.
 */
export function parseJson(text: string): unknown {
  const deep = firstTooDeep(text);
  if (deep !== undefined) throw new JsonError(tooDeep(), placeOf(text, deep));
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new JsonError(`is not JSON: ${(error as Error).message}`);
  }
}

/** Returns the index of the first bracket that is too deep; undefined when none is. */
function firstTooDeep(text: string): number | undefined {
  let levels = 0;
  let isInString = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (isInString) {
      if (character === '\\') i++;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === '[' || character === '{') {
      if (++levels > MOST_LEVELS) return i;
    } else if (character === ']' || character === '}') levels--;
  }
  return undefined;
}

function placeOf(text: string, index: number): string {
  const before = text.slice(0, index).split('\n');
  return `${before.length}:${before.at(-1)!.length + 1}`;
}
