import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunConfig } from '../runtime/config.ts';
import { ScenarioDocument } from './document.ts';
import { InputError } from './input-error.ts';
import { locateProblem, parseScenario } from './parse.ts';
import { ReadError, readText, STDIN } from './read-text.ts';
import { ResolveError, resolveScenario } from './resolve.ts';
import type { Scenario } from './schema.ts';
import { nearest } from './suggest.ts';
import { MOST_CHARACTERS } from './yaml.ts';

/** src/scenario and dist/scenario lie equally deep below the package. */
const PRESET_FOLDER = fileURLToPath(new URL('../../fixtures/scenarios', import.meta.url));

export interface LoadedScenario {
  /** The scenario with every default, as results keep it. */
  readonly scenario: Scenario;
  /** The same scenario in numbers, as a runtime takes it. */
  readonly config: RunConfig;
}

/** A file that comes with the program and can be named without its path. */
export interface Preset {
  readonly name: string;
  /** The first comment line of its file. */
  readonly summary: string;
}

/** Returns the presets in a folder, by default the scenarios that come with the program. */
export function presets(folder: string = PRESET_FOLDER): Preset[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .toSorted()
    .map((file) => {
      const content = readFileSync(join(folder, file), 'utf8');
      return { name: file.slice(0, -5), summary: /^#\s*(.*)$/m.exec(content)?.[1] ?? '' };
    });
}

/**
 * Loads a scenario: a name with `/`, `.yaml`, `.yml` or `.json` is a file, `-` is standard input,
 * and anything else is a preset. `sets` are `key=value` arguments that override keys. Throws InputError.
 */
export function loadScenario(name: string, sets: readonly string[] = []): LoadedScenario {
  const { source, content, folder } = readSource(name);
  return loadScenarioText(source, content, sets, folder);
}

/**
 * Loads a scenario from its text; `source` is what messages call it, and its paths are relative to `folder`.
 * Throws InputError.
 */
export function loadScenarioText(
  source: string,
  content: string,
  sets: readonly string[] = [],
  folder: string = process.cwd(),
): LoadedScenario {
  const document = new ScenarioDocument(source, content);
  for (const argument of sets) document.set(argument);
  const scenario = parseScenario(document);
  try {
    return { scenario, config: resolveScenario(scenario, folder, process.availableMemory()) };
  } catch (error) {
    if (!(error instanceof ResolveError)) throw error;
    throw new InputError([locateProblem(document, error.problem)]);
  }
}

/**
 * Returns the text of a named scenario, what messages call it, and the folder that its paths are relative to.
 * Throws InputError when there is no such file or preset.
 */
export function readSource(
  name: string,
  presetFolder: string = PRESET_FOLDER,
): { source: string; content: string; folder: string } {
  if (name === '-') {
    return { source: '<stdin>', content: readFile('<stdin>', STDIN), folder: process.cwd() };
  }
  if (/\/|\.(?:ya?ml|json)$/.test(name)) {
    return { source: name, content: readFile(name), folder: dirname(name) };
  }
  const known = presets(presetFolder).map((preset) => preset.name);
  if (known.includes(name)) {
    const file = join(presetFolder, `${name}.yaml`);
    return { source: `preset ${name}`, content: readFile(file), folder: presetFolder };
  }
  const guess = nearest(name, known);
  const hint = guess ? `did you mean ${guess}?` : `there are ${known.join(', ')}`;
  throw new InputError([
    {
      place: name,
      key: '',
      sentence: `is no preset (${hint}); write ./${name} for a file of that name`,
    },
  ]);
}

/** Reads a scenario, which messages call `name`. */
function readFile(name: string, file: string | typeof STDIN = name): string {
  try {
    return readText(file, MOST_CHARACTERS);
  } catch (error) {
    if (!(error instanceof ReadError)) throw error;
    const { code, message } = error;
    const reason =
      code === undefined
        ? message
        : code === 'ENOENT'
          ? 'there is no such file'
          : `it can't be read (${code})`;
    throw new InputError([{ place: name, key: '', sentence: reason }]);
  }
}
