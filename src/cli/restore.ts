import { Command } from 'commander';
import { buildRestore } from '../result/snapshot.ts';
import type { RestoreResult } from '../result/snapshot-schema.ts';
import type { RestoreReport, RestoreRequest } from '../runtime/common/snapshot/restore-report.ts';
import { restoreThreads } from '../runtime/threads/snapshot/restore.ts';
import { restoreVirtual } from '../runtime/virtual/snapshot/restore.ts';
import { InputError } from '../scenario/input-error.ts';
import { type LoadedScenario, loadScenarioText } from '../scenario/load.ts';
import { ReadError, readText } from '../scenario/read-text.ts';
import { MOST_CHARACTERS } from '../scenario/yaml.ts';
import { SnapshotChain } from '../snapshot/reader.ts';
import { parseWorkingSet, workingSetOf, workingSetPath } from '../snapshot/working-set.ts';
import { UnitError } from '../units/brand.ts';
import { parseDuration } from '../units/duration.ts';
import { formatSize } from '../units/size.ts';
import { checkOutputs } from './check-output.ts';
import { colours } from './colours.ts';
import { EXIT } from './exit.ts';
import { collect, outputFlag, type PlayFlags } from './flags.ts';
import { formatMs } from './format.ts';
import { deliver, exitCode, writeFile } from './output.ts';
import { channels, complain, setsOf } from './save.ts';
import { playShown } from './snapshot-live.ts';
import { proof } from './summary.ts';

interface RestoreFlags extends PlayFlags {
  readonly lazy?: boolean;
  readonly recordWorkingSet?: string;
  readonly workingSet: boolean;
  readonly channels: number;
}

const EXIT_CODES =
  'Exit codes: 0 restored, 1 not restored or the guest was lost, 2 bad input, 3 a byte differed, 130 second Ctrl-C';

export function restoreCommand(): Command {
  return new Command('restore')
    .description('restore a guest from a file, let it live on, and prove both lives')
    .argument('<file>', 'the snapshot')
    .option('--lazy', 'let the guest run at once, and read pages as it asks for them and meanwhile')
    .option(
      '--record-working-set <duration>',
      'with --lazy: for so long read only pages that the guest asks for, and note them in FILE.ws.json',
    )
    .option('--no-working-set', 'with --lazy: do not read the pages in FILE.ws.json before others')
    .option(
      '--channels <n>',
      'how many threads read, with runtime threads and without --lazy',
      channels,
      1,
    )
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
    const request = requestOf(flags, chain);
    const saved = chain;
    const restoreGuest = config.runtime === 'virtual' ? restoreVirtual : restoreThreads;
    const report = await playShown(
      'restore',
      flags.quiet !== true,
      (options) => restoreGuest(config, saved, request, options),
      (phase) => !request.isLazy && (phase === 'prepare' || phase === 'work'),
    );
    if (!report) {
      process.stderr.write('interrupted before the guest ran: there is no result\n');
      return EXIT.notCompleted;
    }
    const result = buildRestore(scenario, chain, report);
    const isNoted = noteWorkingSet(chain, request, report);
    const isWritten = await deliver(flags, result, () => summary(result));
    return exitCode(exitCodeOf(result), isWritten && isNoted);
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

/** Returns how the flags want the guest restored. Throws InputError. */
function requestOf(flags: RestoreFlags, chain: SnapshotChain): RestoreRequest {
  const { lazy: isLazy = false, recordWorkingSet: record } = flags;
  if (record !== undefined && !isLazy) {
    refuse('--record-working-set', 'only a guest that runs at once asks for pages: add --lazy');
  }
  const recordNs = record === undefined ? 0 : durationOf(record);
  const isPrefetched = isLazy && record === undefined && flags.workingSet;
  const prefetch = isPrefetched ? readWorkingSet(chain) : [];
  return { isLazy, prefetch, recordNs, channels: flags.channels };
}

function refuse(place: string, sentence: string): never {
  throw new InputError([{ place, key: '', sentence }]);
}

function durationOf(text: string): number {
  try {
    const ns = parseDuration(text);
    if (ns > 0) return ns;
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
  }
  return refuse('--record-working-set', `expected a duration such as 1s, got "${text}"`);
}

/** Returns the pages in the working set of a snapshot; none if it has no working set, or one that can't be used. */
function readWorkingSet({ top }: SnapshotChain): readonly number[] {
  const path = workingSetPath(top.path);
  let text: string;
  try {
    text = readText(path, MOST_CHARACTERS);
  } catch (error) {
    if (!(error instanceof ReadError)) throw error;
    if (error.code !== 'ENOENT') process.stderr.write(`${path} is not used: ${error.message}\n`);
    return [];
  }
  const pages = parseWorkingSet(text, top.identity.toString('hex'), top.header.pages);
  if (typeof pages !== 'string') return pages;
  process.stderr.write(`${path} is not used: ${pages}\n`);
  return [];
}

/** Writes the working set that was recorded, if any was. Returns whether that worked. */
function noteWorkingSet(
  { top }: SnapshotChain,
  { recordNs }: RestoreRequest,
  { recorded, outcome }: RestoreReport,
): boolean {
  if (!recorded || outcome !== 'completed') return true;
  const set = workingSetOf(top.identity.toString('hex'), recordNs / 1e6, recorded);
  return writeFile('--record-working-set', workingSetPath(top.path), `${JSON.stringify(set)}\n`);
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
    ...lazily(result),
    `accesses: ${guest.savedAccesses} before it was saved, ${guest.accesses - guest.savedAccesses} since`,
    proof(result),
  ];
  return `${lines.join('\n')}\n`;
}

/** Says what a guest that ran at once has waited for. */
function lazily({ lazy, faults, workingSet, firstAccessMs, fullSpeedMs }: RestoreResult): string[] {
  if (!lazy) return [];
  const first =
    firstAccessMs === undefined ? '' : `, first access after ${formatMs(firstAccessMs)}`;
  const full = fullSpeedMs === undefined ? '' : `, full speed after ${formatMs(fullSpeedMs)}`;
  const mean = faults?.latencyUs?.mean;
  const each = mean === undefined ? '' : ` of ${formatMs(mean / 1000)} on average`;
  const { prefetchedPages = 0, recordedPages } = workingSet ?? {};
  return [
    `${faults?.count ?? 0} demand faults${each}${first}${full}`,
    ...(prefetchedPages > 0 ? [`${prefetchedPages} pages of the working set were read first`] : []),
    ...(recordedPages === undefined ? [] : [`${recordedPages} pages were noted as working set`]),
  ];
}
