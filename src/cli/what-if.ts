import { Command } from 'commander';
import { gather, type Paste } from '../lab/what-if/gather.ts';
import { PARSERS } from '../lab/what-if/parsers/registry.ts';
import { InterruptedError, Players } from '../lab/what-if/play.ts';
import type { WhatIfResult } from '../lab/what-if/result.ts';
import { settingsFor } from '../lab/what-if/settings.ts';
import { runsOf, scenarioOfRun } from '../lab/what-if/plan.ts';
import {
  MOST_RUNS,
  MOST_SEED,
  type Question,
  settingsOf,
  unknownSetting,
} from '../lab/what-if/question.ts';
import { whatIf } from '../lab/what-if/what-if.ts';
import { InputError } from '../scenario/input-error.ts';
import { ReadError, readText, STDIN } from '../scenario/read-text.ts';
import { checkChart, writeChart } from './chart.ts';
import { checkOutputs, STDOUT } from './check-output.ts';
import { wrap } from './columns.ts';
import { EXIT } from './exit.ts';
import { collect, outputFlag } from './flags.ts';
import { Interruption } from './interrupt.ts';
import { deliver, exitCode, writeFile } from './output.ts';
import { Counted } from './progress.ts';
import { FLAG_READER, type WhatIfFlags } from './what-if-flags.ts';
import { whatIfTable } from './what-if-table.ts';

/** Outputs of these tools have a few kilobytes. */
const MOST_BYTES = 2 ** 20;
const HELP_COLUMNS = 80;

export function whatIfCommand(): Command {
  return new Command('what-if')
    .description("answer from a VM's numbers whether it will migrate, how long, with what downtime")
    .argument('[files...]', 'pasted outputs of other tools; - for stdin')
    .option('--memory <size>', "the VM's memory, such as 16GiB")
    .option('--used <size>', 'how much of it is not zero')
    .option('--vcpus <n>', 'its vCPUs')
    .option('--link <rate>', 'the bandwidth of the link, such as 10Gbit/s')
    .option('--latency <duration>', "the link's latency in one direction")
    .option('--max-bandwidth <rate>', "the migration's own limit")
    .option(
      '--dirty-rate <rate@period>',
      'how fast it dirties memory, such as 300MB/s@1s; several periods say more',
      collect,
    )
    .option('--working-set <size>', 'the memory that it writes to')
    .option('--downtime-limit <duration>', "QEMU's downtime limit, by default 300ms")
    .option('--max-downtime <duration>', 'find the gentlest setting with no longer downtime')
    .option('--max-time <duration>', 'and no longer total time')
    .option('--runs <n>', 'virtual runs of each setting', '16')
    .option('--seed <n>', 'of the guests that are tried', '1')
    .option('--timeout <duration>', 'when a run counts as one that does not end')
    .option('--setting <id>', 'compare this one; by default all', collect)
    .option('--set <key=value>', 'override a key of every scenario', collect)
    .option('--chart <file>', 'draw downtime against total time: .svg or .png')
    .option('--scenario <file>', 'write a scenario of the answer, for pageferry run')
    .option('-o, --output <file>', 'write the JSON result to a file; - is stdout')
    .option('--json', 'print the JSON result on stdout, and nothing else')
    .option('-q, --quiet', 'print no table and no progress')
    .addHelpText('after', help)
    .action(async (files: readonly string[], flags: WhatIfFlags) => {
      process.exitCode = await answer(files, flags);
    });
}

function help(): string {
  const columns = process.stdout.columns ?? HELP_COLUMNS;
  const tools = PARSERS.map(({ tool }) => tool).join(', ');
  const ids = settingsFor(300)
    .map(({ id }) => id)
    .join(', ');
  return [
    '',
    ...wrap(`Outputs that are understood: ${tools}`, columns, '  '),
    ...wrap(`Settings: ${ids}`, columns, '  '),
  ].join('\n');
}

async function answer(files: readonly string[], flags: WhatIfFlags): Promise<number> {
  try {
    const question = questionOf(files, flags);
    checkChart(flags.chart);
    const { output, chart, scenario } = flags;
    const outputs = { [outputFlag()]: output, '--chart': chart, '--scenario': scenario };
    checkOutputs(
      outputs,
      files.filter((name) => name !== STDOUT),
    );
    const result = await play(question, flags.quiet !== true);
    const isScenarioWritten = writeScenario(question, result, scenario);
    const isDrawn = chart === undefined || (await draw(result, chart));
    const isWritten = await deliver(flags, result, () => whatIfTable(result, process.stdout));
    return exitCode(EXIT.done, isWritten && isDrawn && isScenarioWritten);
  } catch (error) {
    if (error instanceof InterruptedError) {
      process.stderr.write('interrupted before all runs were made: there is no answer\n');
      return EXIT.notCompleted;
    }
    if (!(error instanceof InputError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return EXIT.badInput;
  }
}

function questionOf(files: readonly string[], flags: WhatIfFlags): Question {
  const { facts, sources } = gather(files.map(read), FLAG_READER.facts(flags));
  const goal = FLAG_READER.goal(flags);
  const timeoutMs = FLAG_READER.milliseconds('timeout', flags.timeout);
  const question: Question = {
    facts,
    sources,
    ...(goal ? { goal } : {}),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(flags.set ? { sets: flags.set } : {}),
    ...(flags.setting ? { only: flags.setting } : {}),
    runs: FLAG_READER.whole('runs', flags.runs, 1, MOST_RUNS),
    seed: FLAG_READER.whole('seed', flags.seed, 0, MOST_SEED),
  };
  const unknown = unknownSetting(question);
  if (unknown !== undefined) throw FLAG_READER.refused('setting', unknown);
  return question;
}

function read(name: string): Paste {
  const isStdin = name === STDOUT;
  const place = isStdin ? '<stdin>' : name;
  try {
    return { name: place, text: readText(isStdin ? STDIN : name, MOST_BYTES) };
  } catch (error) {
    if (!(error instanceof ReadError)) throw error;
    throw new InputError([{ place, key: '', sentence: error.message }]);
  }
}

/** Makes all runs and shows the progress. Throws InterruptedError after a signal. */
async function play(question: Question, isShown: boolean): Promise<WhatIfResult> {
  let all = runsOf(question);
  const progress = new Counted('what-if', `run 1 of ${all}`, isShown);
  const interrupt = new Interruption();
  let done = 0;
  const players = new Players(() => {
    done++;
    if (done < all) progress.show(`run ${done + 1} of ${all}`, done, all);
    else progress.show(`looking for what meets the goal, run ${done + 1}`);
  }, interrupt.signal);
  try {
    return await whatIf(question, players.play, (runs) => (all = runs));
  } finally {
    await players.end();
    progress.stop();
    interrupt.forget();
  }
}

/** Writes the scenario of the first run of the answer's setting; returns whether it was written. */
function writeScenario(
  question: Question,
  result: WhatIfResult,
  path: string | undefined,
): boolean {
  if (path === undefined) return true;
  const settings = settingsOf(question);
  const setting = settings.find(({ id }) => id === result.words?.setting) ?? settings[0]!;
  const scenario = scenarioOfRun(question, setting);
  return writeFile('--scenario', path, `${JSON.stringify(scenario, null, 2)}\n`);
}

async function draw(result: WhatIfResult, path: string): Promise<boolean> {
  if (result.settings.every(({ points }) => points.length === 0)) {
    process.stderr.write(`--chart ${path}: no run completed, so there is nothing to draw\n`);
    return false;
  }
  const { chartSvg } = await import('../report/chart.ts');
  const { whatIfChart } = await import('../report/what-if.ts');
  return writeChart(path, chartSvg(whatIfChart(result)));
}
