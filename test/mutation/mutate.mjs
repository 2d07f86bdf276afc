import { mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Stryker } from '@stryker-mutator/core';
import { ROOMS } from './rooms.mjs';

/** Of 100 mutants of a room, its tests must notice this many. */
const LEAST_SCORE = 85;
/**
 * A mutant that loops for ever is stopped when it has run far more often than without the mutation. A time limit is
 * there only for what that does not catch; it is long, so that a busy machine kills no mutant.
 */
const TIMEOUT_MS = 30_000;
/** How Stryker's reason begins when a mutant was stopped because it had run too often, and not by the time limit. */
const LOOPED = 'Hit limit reached';
const FOLDER = 'coverage/mutation';

/** Returns the files of a pattern, in which `*` in a file's name stands for anything. */
function filesOf(pattern) {
  const [before, after] = pattern.split('*');
  if (after === undefined) return [pattern];
  const folder = dirname(pattern);
  const names = readdirSync(folder).map((name) => join(folder, name));
  return names.filter((name) => name.startsWith(before) && name.endsWith(after)).toSorted();
}

/**
 * Runs the tests of a room against each mutant of these files, by default of all its files; returns how many mutants
 * had which fate. Results of the room's other files stay in its file of results.
 */
async function mutate(room, files = ROOMS[room].mutate) {
  const { tests, isOneFile = false } = ROOMS[room];
  process.env['MUTATE_TESTS'] = JSON.stringify(tests.flatMap(filesOf));
  process.env['MUTATE_AS_ONE'] = isOneFile ? 'yes' : '';
  const results = await new Stryker({
    mutate: [...files],
    testRunner: 'vitest',
    // The tests are named in the environment, so nothing has to look for those that are related to a file.
    vitest: { configFile: 'test/mutation/vitest.config.ts', related: false },
    plugins: [
      '@stryker-mutator/vitest-runner',
      fileURLToPath(new URL('ignore-prose.mjs', import.meta.url)),
    ],
    ignorers: ['prose'],
    coverageAnalysis: 'perTest',
    concurrency: Number(process.env['MUTATE_WORKERS'] ?? 1),
    timeoutMS: TIMEOUT_MS,
    dryRunTimeoutMinutes: 30,
    // Mutants that the same tests have met before keep their results.
    incremental: true,
    // A result of code that runs when its module loads is kept even when tests are new, so named files begin anew.
    force: files !== ROOMS[room].mutate,
    incrementalFile: `${FOLDER}/${room}.json`,
    tempDirName: `${FOLDER}/sandbox-${room}`,
    cleanTempDir: 'always',
    ignorePatterns: ['bench', 'coverage', 'dist', 'dist-bench'],
    // vitest takes the types away without checking them.
    disableTypeChecks: false,
    // Stryker would edit the paths of a TypeScript configuration with an interface that TypeScript 7 lacks.
    tsconfigFile: 'none',
    reporters: ['clear-text', 'html', 'progress-append-only'],
    htmlReporter: { fileName: `${FOLDER}/${room}.html` },
    clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
    allowEmpty: false,
    logLevel: 'warn',
  }).runMutationTest();
  const count = (status) => results.filter((one) => one.status === status).length;
  const [killed, survived, uncovered] = ['Killed', 'Survived', 'NoCoverage'].map(count);
  const endless = results.filter(({ status }) => status === 'Timeout');
  const late = endless.filter(({ statusReason }) => !statusReason?.startsWith(LOOPED)).length;
  const mutants = killed + endless.length + survived + uncovered;
  const score = (100 * (killed + endless.length)) / mutants;
  return { room, mutants, killed, looped: endless.length - late, late, survived, uncovered, score };
}

const names = process.argv.slice(2);
const files = names.filter((name) => name.includes('/'));
const named = names.filter((name) => !name.includes('/'));
const rooms = named.length > 0 ? named : Object.keys(ROOMS);
const unknown = rooms.find((room) => !Object.hasOwn(ROOMS, room));
if (files.length > 0 && named.length !== 1) {
  console.error('files are of one room: name it before them, as in `units src/units/size.ts`');
  process.exit(2);
}
if (unknown !== undefined) {
  console.error(`there is no room ${unknown}; expected one of ${Object.keys(ROOMS).join(', ')}`);
  process.exit(2);
}
mkdirSync(FOLDER, { recursive: true });
const scores = [];
for (const room of rooms) {
  scores.push(await mutate(room, files.length > 0 ? files : undefined));
}
console.log('| room | mutants | killed | looped | timed out | survived | not covered | score |');
console.log(`|${' --- |'.repeat(8)}`);
for (const { score, room, ...counts } of scores) {
  console.log(
    `| ${['`' + room + '`', ...Object.values(counts), `${score.toFixed(1)} %`].join(' | ')} |`,
  );
}
if (scores.some(({ score }) => score < LEAST_SCORE)) {
  console.error(`A score below ${LEAST_SCORE} %: its tests would not notice enough.`);
  process.exitCode = 1;
}
