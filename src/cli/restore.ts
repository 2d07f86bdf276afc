import { Command } from 'commander';
import { buildRestore } from '../result/snapshot.ts';
import type { RestoreResult } from '../result/snapshot-schema.ts';
import type { RestoreReport } from '../runtime/common/snapshot/restore-report.ts';
import { restoreVirtual } from '../runtime/virtual/snapshot/restore.ts';
import { InputError } from '../scenario/input-error.ts';
import { type LoadedScenario, loadScenarioText } from '../scenario/load.ts';
import { SnapshotChain } from '../snapshot/reader.ts';
import { formatSize } from '../units/size.ts';
import { checkOutputs } from './check-output.ts';
import { colours } from './colours.ts';
import { EXIT } from './exit.ts';
import { collect, outputFlag } from './flags.ts';
import { formatMs } from './format.ts';
import { Interruption } from './interrupt.ts';
import { deliver, exitCode } from './output.ts';
import { complain, setsOf } from './save.ts';
import { SnapshotDisplay } from './snapshot-live.ts';
import { proof } from './summary.ts';

interface RestoreFlags {
  readonly set?: readonly string[];
  readonly runtime?: string;
  readonly output?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const EXIT_CODES =
  'Exit codes: 0 restored, 1 not restored or the guest was lost, 2 bad input, 3 a byte differed, 130 second Ctrl-C';

export function restoreCommand(): Command {
  return new Command('restore')
    .description('restore a guest from a file, let it live on, and prove both lives')
    .argument('<file>', 'the snapshot')
    .option(
      '--set <key=value>',
      'override a key that does not change the guest, such as migration.runAfter=5s',
      collect,
    )
    .option('--runtime <name>', 'threads: real time; virtual: a deterministic clock')
    .option('-o, --output <file>', 'write the JSON result to a file; - is stdout')
    .option('--json', 'print the JSON result on stdout, and nothing else')
    .option('-q, --quiet', 'print no summary and no progress')
    .addHelpText('after', `\n${EXIT_CODES}`)
    .action(async (file: string, flags: RestoreFlags) => {
      process.exitCode = await restore(file, flags);
    });
}

async function restore(path: string, flags: RestoreFlags): Promise<number> {
  let chain: SnapshotChain | undefined;
  try {
    chain = new SnapshotChain(path);
    const { scenario, config, files } = loadSaved(chain, flags);
    const snapshots = chain.files.map((file) => file.path);
    checkOutputs({ [outputFlag()]: flags.output }, [...files, ...snapshots]);
    const report = await play(config, chain, flags.quiet !== true);
    if (!report) {
      process.stderr.write('interrupted before the guest ran: there is no result\n');
      return EXIT.notCompleted;
    }
    const result = buildRestore(scenario, chain, report);
    const isWritten = await deliver(flags, result, () => summary(result));
    return exitCode(exitCodeOf(result), isWritten);
  } catch (error) {
    return complain(path, error);
  } finally {
    chain?.close();
  }
}

/** Loads the scenario of a snapshot, of which only what does not change the guest may be overridden. */
function loadSaved({ top }: SnapshotChain, flags: RestoreFlags): LoadedScenario {
  for (const one of flags.set ?? []) {
    const [key = ''] = one.split('=');
    if (!/^(?:guest|seed)\b/.test(key)) continue;
    const sentence = 'a restore takes the guest as it was saved: leave this out';
    throw new InputError([{ place: '--set', key, sentence }]);
  }
  return loadScenarioText(top.path, JSON.stringify(top.state.scenario), setsOf(flags));
}

/** Makes the restore and shows its progress. Returns undefined when a signal came before the guest ran. */
async function play(
  config: LoadedScenario['config'],
  chain: SnapshotChain,
  isShown: boolean,
): Promise<RestoreReport | undefined> {
  const display = new SnapshotDisplay('restore', isShown);
  const interrupt = new Interruption();
  try {
    const options = {
      signal: interrupt.signal,
      proofSignal: interrupt.late,
      onProgress: display.show,
    };
    const work = restoreVirtual(config, chain, options);
    const isEarly = (): boolean => display.phase === 'prepare' || display.phase === 'work';
    return await interrupt.race(work, isEarly);
  } finally {
    display.stop();
    interrupt.forget();
  }
}

function exitCodeOf({ outcome, verify }: RestoreResult): number {
  if (verify?.ok === false) return EXIT.differs;
  const isProved = verify?.ok === true || verify?.kind === 'off';
  return outcome === 'completed' && isProved ? EXIT.done : EXIT.notCompleted;
}

function summary(result: RestoreResult): string {
  const { file, pages, outcome, error, runningMs, presentMs, readBytes, guest } = result;
  const title = (result.scenario as { name?: string }).name ?? 'restore';
  const colour = outcome === 'completed' ? colours.green : colours.red;
  const size = formatSize(pages.total * pages.pageSize);
  const bases = file.bases.length === 0 ? '' : ` and ${file.bases.join(', ')}`;
  const rate = result.readBytesPerSecond;
  const speed = rate === undefined ? '' : ` at ${formatSize(Math.round(rate))}/s`;
  const lines = [
    `${colours.bold(title)}: ${size} guest, restored from ${file.path}${bases}`,
    `${colour(outcome)}${error === undefined ? '' : `: ${error}`}`,
    ...(runningMs === undefined ? [] : [`the guest ran after ${formatMs(runningMs)}`]),
    ...(presentMs === undefined
      ? []
      : [`all pages were there after ${formatMs(presentMs)}: ${formatSize(readBytes)}${speed}`]),
    `accesses: ${guest.savedAccesses} before it was saved, ${guest.accesses - guest.savedAccesses} since`,
    proof(result),
  ];
  return `${lines.join('\n')}\n`;
}
