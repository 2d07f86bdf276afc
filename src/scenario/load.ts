import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunConfig } from '../runtime/config.ts';
import { type FlagOverride, type Path, ScenarioDocument } from './document.ts';
import { type FolderOf, SCENARIO_FILES, withPortableFiles } from './files.ts';
import { InputError } from './input-error.ts';
import { locateProblem, parseScenario } from './parse.ts';
import { ReadError, readText, STDIN } from './read-text.ts';
import { ResolveError, resolveScenario } from './resolve.ts';
import type { Scenario } from './schema.ts';
import { nearest } from './suggest.ts';
import type { TraceReader } from './traces.ts';
import { MOST_CHARACTERS } from './yaml.ts';

/** src/scenario and dist/scenario lie equally deep below the package. */
const PRESET_FOLDER = fileURLToPath(new URL('../../fixtures/scenarios', import.meta.url));

export interface LoadedScenario {
  /**
   * The scenario with every default, as results keep it: its files are named so that it can be run again from any
   * folder.
   */
  readonly scenario: Scenario;
  /** The same scenario in numbers, as a runtime takes it. */
  readonly config: RunConfig;
  /** The absolute paths of the files that were read. */
  readonly files: readonly string[];
}

/** A `key=value` argument of `--set`, or an option that sets a key of its own. */
export type Override = string | FlagOverride;

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
 * and anything else is a preset. A result (`pageferry/run@1`) stands for its scenario. `sets` override keys; files
 * that they name are relative to the working directory. Throws InputError.
 */
export function loadScenario(name: string, sets: readonly Override[] = []): LoadedScenario {
  return loadNamed(name, sets, loadFrom, PRESET_FOLDER);
}

const loadFrom = (document: ScenarioDocument, folder: string): LoadedScenario =>
  loadDocument(document, foldersOf(document, folder));

/**
 * Loads what a name stands for, as `loadScenario` describes it, with `load`, which gets the document and the folder that
 * its paths are relative to. Its presets are in `presetFolder`. The file that was read comes first in `files`. Throws
 * InputError.
 */
export function loadNamed<Loaded extends { readonly files: readonly string[] }>(
  name: string,
  sets: readonly Override[],
  load: (document: ScenarioDocument, folder: string) => Loaded,
  presetFolder: string,
): Loaded {
  const { source, content, folder, file } = readSource(name, presetFolder);
  const loaded = load(openDocument(source, content, sets), folder);
  return file === undefined ? loaded : { ...loaded, files: [file, ...loaded.files] };
}

/**
 * Loads a scenario from its text; `source` is what messages call it, and its paths are relative to `folder`.
 * Throws InputError.
 */
export function loadScenarioText(
  source: string,
  content: string,
  sets: readonly Override[] = [],
  folder: string = process.cwd(),
): LoadedScenario {
  return loadFrom(openDocument(source, content, sets), folder);
}

/**
 * Loads a scenario from a document; `folderOf` says what the files that it names are relative to, and `availableBytes`
 * how much memory it may take. Throws InputError.
 */
export function loadDocument(
  document: ScenarioDocument,
  folderOf: FolderOf,
  availableBytes: number = process.availableMemory(),
  traces?: TraceReader,
): LoadedScenario {
  const scenario = parseScenario(document);
  const config = resolveWithPlaces(document, scenario, folderOf, availableBytes, traces);
  const { value, files } = withPortableFiles(scenario, SCENARIO_FILES, folderOf);
  return { scenario: value, config, files };
}

/** Does what `resolveScenario` does; an InputError says where in the document a problem is. */
export function resolveWithPlaces(
  document: ScenarioDocument,
  scenario: Scenario,
  folderOf: FolderOf,
  availableBytes: number = process.availableMemory(),
  traces?: TraceReader,
): RunConfig {
  try {
    return resolveScenario(scenario, folderOf, availableBytes, traces);
  } catch (error) {
    if (!(error instanceof ResolveError)) throw error;
    throw new InputError([locateProblem(document, error.problem)]);
  }
}

/** Parses a document, or the scenario of a result, and overrides keys of it. Throws InputError. */
export function openDocument(
  source: string,
  content: string,
  sets: readonly Override[],
): ScenarioDocument {
  const document = new ScenarioDocument(source, content);
  document.openResult();
  for (const one of sets) {
    if (typeof one === 'string') document.set(one);
    else document.setFlag(one);
  }
  return document;
}

/** Returns what files are relative to: `folder`, or the working directory for those that an override names. */
export function foldersOf(document: ScenarioDocument, folder: string): FolderOf {
  return (path: Path) => (document.isSet(path) ? process.cwd() : folder);
}

/** Whether a name is that of a file, and not of a preset. */
export const isFileName = (name: string): boolean => /\/|\.(?:ya?ml|json)$/.test(name);

/**
 * Returns the text of a named scenario, what messages call it, the folder that its paths are relative to, and its file,
 * which standard input has not. Throws InputError when there is no such file or preset.
 */
export function readSource(
  name: string,
  presetFolder: string = PRESET_FOLDER,
): { source: string; content: string; folder: string; file?: string } {
  if (name === '-') {
    return { source: '<stdin>', content: readFile('<stdin>', STDIN), folder: process.cwd() };
  }
  if (isFileName(name)) {
    return { source: name, content: readFile(name), folder: dirname(name), file: name };
  }
  const known = presets(presetFolder).map((preset) => preset.name);
  if (known.includes(name)) {
    const file = join(presetFolder, `${name}.yaml`);
    return { source: `preset ${name}`, content: readFile(file), folder: presetFolder, file };
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
          : message.replace(/^can't/, "it can't");
    throw new InputError([{ place: name, key: '', sentence: reason }]);
  }
}
