import { buildResult } from '../../result/build.ts';
import type { RunResult } from '../../result/schema.ts';
import { ContentsError } from '../../runtime/common/fill.ts';
import type { RunConfig } from '../../runtime/config.ts';
import type { RunReport } from '../../runtime/report.ts';
import { type LiveView, type RunPhase, runThreads } from '../../runtime/threads/run.ts';
import { LIVE_PHASES } from '../../runtime/threads/run-words.ts';
import { playVirtual } from '../../runtime/virtual/play.ts';
import { InputError } from '../../scenario/input-error.ts';
import { loadDocument } from '../../scenario/load.ts';
import type { Scenario } from '../../scenario/schema.ts';
import { LentFunctions } from './functions.ts';
import { type InputOptions, openInput } from './input.ts';
import type { ScenarioInput } from './scenario-input.ts';

/** How far a run is. */
export interface RunProgress {
  readonly phase: RunPhase;
  /** Whether the guest runs at the destination while its pages still come, so that a cancel comes too late. */
  readonly isPostcopy: boolean;
  /** The time of the run's own clock, which is virtual in a virtual run. */
  readonly elapsedMs: number;
  readonly sentBytes: number;
  /** How many pages have yet to be sent. */
  readonly pagesLeft: number;
}

export interface RunOptions extends InputOptions {
  /** Aborting it cancels the migration; the result then says `cancelled`, unless the guest had moved already. */
  readonly signal?: AbortSignal | undefined;
  /** Called some ten times a second. */
  readonly onProgress?: ((progress: RunProgress) => void) | undefined;
}

/**
 * Makes one migration and proves its every byte, in real time or virtually, as the scenario's `runtime` says. The
 * scenario is an object, the name of a preset, a file (with `/`, `.yaml`, `.yml` or `.json`), or a result to run again.
 * A migration that does not complete has a result too, and so has one that loses a byte (`verify.ok`). Rejects with
 * InputError when the scenario is wrong, with RunSetupError when the machine can't run it, and with the signal's reason
 * when that was aborted before the call.
 */
export async function run(
  scenario: ScenarioInput | RunResult | string,
  options: RunOptions = {},
): Promise<RunResult> {
  options.signal?.throwIfAborted();
  return withLoaded(scenario, options, async (loaded) => {
    const report = await play(loaded.config, options);
    return buildResult(loaded.scenario, report);
  });
}

/**
 * Returns a scenario with every default filled in, as results keep it, and makes no run. Rejects with InputError when
 * the scenario is wrong or does not fit this machine.
 */
export async function checkScenario(
  scenario: ScenarioInput | RunResult | string,
  options: InputOptions = {},
): Promise<Scenario> {
  return withLoaded(scenario, options, (loaded) => Promise.resolve(loaded.scenario));
}

interface Loaded {
  readonly scenario: Scenario;
  readonly config: RunConfig;
}

/** Loads a scenario, whose functions are lent while `act` works with it. */
async function withLoaded<Result>(
  input: ScenarioInput | RunResult | string,
  options: InputOptions,
  act: (loaded: Loaded) => Promise<Result>,
): Promise<Result> {
  const functions = new LentFunctions();
  let place = 'scenario';
  try {
    const { document, folderOf } = openInput(place, input, options, undefined, functions.at);
    place = document.source;
    const { scenario, config } = loadDocument(document, folderOf);
    functions.checkRuntime(config.runtime, place);
    return await act({ scenario: functions.described(scenario), config });
  } catch (error) {
    if (error instanceof InputError) throw functions.blamed(error);
    if (!(error instanceof ContentsError)) throw error;
    throw new InputError([{ place, key: 'guest.contents', sentence: error.message }]);
  } finally {
    functions.giveBack();
  }
}

async function play(config: RunConfig, { signal, onProgress }: RunOptions): Promise<RunReport> {
  const aborting = signal ? { signal } : {};
  if (config.runtime === 'threads') return playThreads(config, aborting, onProgress);
  return playVirtual(config, {
    ...aborting,
    onProgress({ phase, isPostcopy, nowNs, bytes, pagesLeft }) {
      onProgress?.({ phase, isPostcopy, elapsedMs: nowNs / 1e6, sentBytes: bytes, pagesLeft });
    },
  });
}

/** A run in real time is looked at this often. */
const LOOK_MS = 100;

async function playThreads(
  config: RunConfig,
  aborting: { readonly signal?: AbortSignal },
  onProgress: RunOptions['onProgress'],
): Promise<RunReport> {
  if (!onProgress) return runThreads(config, aborting);
  let timer: NodeJS.Timeout | undefined;
  try {
    return await runThreads(config, {
      ...aborting,
      onStart: (look) => {
        timer = setInterval(() => onProgress(progressOf(look())), LOOK_MS);
      },
    });
  } finally {
    clearInterval(timer);
  }
}

function progressOf({ phase, figures, elapsedNs }: LiveView): RunProgress {
  return {
    phase,
    isPostcopy: phase === 'migrate' && LIVE_PHASES[figures.phase]!.startsWith('postcopy'),
    elapsedMs: elapsedNs / 1e6,
    sentBytes: figures.bytes,
    pagesLeft: figures.pagesLeft,
  };
}
