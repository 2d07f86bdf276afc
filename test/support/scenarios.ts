import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll } from 'vitest';
import { InputError } from '../../src/scenario/input-error.ts';
import { type LoadedScenario, loadScenario } from '../../src/scenario/load.ts';

/** A row of a table of wrong scenarios; each complaint is one line of the error. */
export type Row = readonly [what: string, yaml: string, ...complaints: string[]];

export interface ScenarioFolder {
  readonly folder: string;
  load(yaml: string, sets?: readonly string[]): LoadedScenario;
  /** Loads a scenario and returns the lines of the error, without the file's name; none if it is right. */
  complaints(yaml: string, sets?: readonly string[]): string[];
}

/** Makes a folder with a scenario file and traces, good and bad; it is removed after the test file. */
export function scenarioFolder(): ScenarioFolder {
  const folder = mkdtempSync(join(tmpdir(), 'scenario-'));
  const file = join(folder, 'scenario.yaml');
  mkdirSync(join(folder, 'traces'));
  writeTraces(join(folder, 'traces'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const load = (yaml: string, sets: readonly string[] = []): LoadedScenario => {
    writeFileSync(file, yaml);
    return loadScenario(file, sets);
  };
  const complaints = (yaml: string, sets: readonly string[] = []): string[] => {
    try {
      load(yaml, sets);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return error.message
        .split('\n')
        .map((line) => line.replace(`${file}:`, '').replaceAll(folder, 'FOLDER'));
    }
    return [];
  };
  return { folder, load, complaints };
}

/** A 64 MiB guest with one workload; the workload begins at line 4, column 7. */
export const withWorkload = (workload: string): string =>
  `guest:\n  memory: 64MiB\n  workloads:\n    - ${workload}\n`;
/** A 64 MiB guest, and more keys from line 2 on. */
export const withMore = (more: string): string => `guest: { memory: 64MiB }\n${more}\n`;
/** A 64 MiB guest with one more key, at line 3, column 3. */
export const withGuest = (key: string): string => `guest:\n  memory: 64MiB\n  ${key}\n`;
export const withTrace = (trace: string): string =>
  withWorkload(`{ pattern: trace, trace: ${trace} }`);
export const MINIMAL = 'guest: { memory: 64MiB }\n';

export const PATTERNS =
  'expected pattern sequential, uniform, zipf, hotspot, stride, quicksort, dirty-vector or trace';
export const RATE = 'expected a rate such as 1Gbit/s or 100MB/s, or unlimited';
export const ACCESSES = 'expected page accesses a second, a number above 0 such as 20000, or max';
export const TOP_KEYS =
  'expected one of name, seed, runtime, guest, link, migration, costs, verify';
export const PAGE_SIZES = 'expected 4KiB, 16KiB, 64KiB, 2MiB or 1GiB';
export const SEED = 'expected a whole number from 0 to 9007199254740991';
export const KINDS = 'expected kind zero, random, text, duplicate, mixed or file';

const HEADER = { format: 'pageferry/trace@1', intervalMs: 10, pageSize: 4096 };

function writeTraces(folder: string): void {
  const write = (name: string, lines: readonly unknown[]): void => {
    const content = lines.map((line) => JSON.stringify(line)).join('\n');
    writeFileSync(join(folder, name), gzipSync(`${content}\n`));
  };
  write('good', [HEADER, [0, 4, 8, 1], [3, 1], []]);
  write('short', [HEADER, [0, 4, 8, 1]]);
  write('header', [{ ...HEADER, format: 'pageferry/trace@9' }]);
  write('null', [null]);
  write('interval', [{ ...HEADER, intervalMs: 0 }, [0, 1]]);
  write('page-size', [{ ...HEADER, pageSize: '4KiB' }, [0, 1]]);
  write('large-pages', [{ ...HEADER, pageSize: 16384 }, [0, 1]]);
  write('empty', [HEADER]);
  write('odd', [HEADER, [0, 4], [0, 4, 9]]);
  write('map', [HEADER, {}]);
  write('fraction', [HEADER, [0, 1.5]]);
  write('backwards', [HEADER, [0, 4, 2, 1]]);
  write('no-pages', [HEADER, [0, 0]]);
  write('far', [HEADER, [0, 4, 16_384, 1]]);
  write('endless', [HEADER, [0, 2_000_000_000]]);
  const everything = [0, 16_384];
  write('long', [HEADER, ...Array.from({ length: 4097 }, () => everything)]);
  write('signed', [HEADER, [-1, 4]]);
  const header = JSON.stringify(HEADER);
  const writeText = (name: string, text: string): void =>
    writeFileSync(join(folder, name), gzipSync(`${header}\n${text}`, { level: 1 }));
  writeText('blank', '[0, 1]\n\n[0, 1]\n');
  writeText('unended', '[0, 1\n[0, 1]\n');
  writeText('joined', '[0, 1][2, 1]\n');
  writeText('deep', '['.repeat(100_000));
  writeFileSync(join(folder, 'text'), gzipSync('hello\n'));
  writeFileSync(join(folder, 'plain'), 'hello\n');
}
