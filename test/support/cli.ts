import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa, type Options } from 'execa';
import { afterAll } from 'vitest';
import { type RunResult, resultSchema } from '../../src/result/schema.ts';

export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export const OPTIONS = {
  reject: false,
  stripFinalNewline: false,
  // Without the environment, no variable of a terminal or a build server turns colours on.
  extendEnv: false,
  env: { PATH: process.env['PATH'] ?? '' },
} satisfies Options;

export const pageferry = (args: readonly string[], input = '') =>
  execa(process.execPath, [MAIN, ...args], { ...OPTIONS, input });

/** A guest that is ready, migrated and proved in well under a second. */
export const SMALL = `name: small
guest:
  memory: 16MiB
  vcpus: 1
  contents: [{ kind: random, zeroShare: 0.25 }]
  workloads: [{ pattern: uniform, rate: 20000, region: { size: 4MiB } }]
link: { bandwidth: 2Gbit/s }
migration: { policy: rounds, rounds: 2, startAfter: 50ms, runAfter: 50ms, timeout: 30s }
`;

/** A link on which 32 MiB take some 13 seconds. */
export const SLOW = ['link.bandwidth=20Mbit/s', 'guest.memory=32MiB'];

export interface CliFolder {
  readonly folder: string;
  /** Writes a file into the folder and returns its path. */
  write(name: string, content: string): string;
}

/** Makes a folder for the files that the tests of a test file write; it is removed after them. */
export function cliFolder(): CliFolder {
  const folder = mkdtempSync(join(tmpdir(), 'cli-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const write = (name: string, content: string): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  return { folder, write };
}

/** Takes `rounds` out of `SMALL`: only migrations with live rounds accept that key. */
export const NO_ROUNDS = 'migration.rounds=null';

export const sets = (...keys: readonly string[]): string[] => keys.flatMap((key) => ['--set', key]);
export const readResult = (path: string): RunResult =>
  resultSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
