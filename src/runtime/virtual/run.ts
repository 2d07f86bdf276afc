import { areVcpusRunning } from '../common/guest-side.ts';
import { inlineRunner } from '../common/work.ts';
import type { RunConfig } from '../config.ts';
import type { RunReport } from '../report.ts';
import type { RunPhase, SetUpProgress } from '../world/world.ts';
import { OneMigration, WORLD_OF_ONE } from '../world/one-migration.ts';
import { HostedMigration } from './hosted-migration.ts';
import type { VirtualOptions } from './options.ts';
import { rehearseVirtual } from './rehearsal.ts';
import { VirtualWorld } from './world.ts';
import type { VirtualWorldOptions } from './world-options.ts';

/**
 * Runs one migration on a virtual clock: a world of one guest, with the same algorithms, frames and memory as in
 * real time. The same configuration gives the same report, to the bit, on any machine. Throws ContentsError when an
 * image can't be used.
 */
export async function runVirtual(
  config: RunConfig,
  options: VirtualOptions = {},
): Promise<RunReport> {
  const { runner = inlineRunner, clock } = options;
  const marks: number[] = [];
  const mark = (): void => void marks.push(clock?.now() ?? 0);
  mark();
  const onEnd = (): void => {
    const { source, target } = (one.migration as HostedMigration).process!;
    options.onEnd?.({
      source: areVcpusRunning(source.side),
      destination: areVcpusRunning(target.side),
    });
  };
  const one = new OneMigration(config, { onBegin: mark, onEnd });
  const world = new VirtualWorld(
    WORLD_OF_ONE,
    worldOptions(options, {
      onTurn: () => tell(one.phase),
      onProof: () => {
        mark();
        tell('verify');
      },
      onSetUp: (now) => {
        setUp = now;
        tell('prepare');
      },
    }),
  );
  let setUp: SetUpProgress = { doneBytes: 0, allBytes: 0 };
  const tell = (phase: RunPhase): void => {
    const { sentBytes: bytes = 0, pagesLeft = 0 } = one.migration ?? {};
    const { nowNs, events } = world;
    const isPostcopy = (one.migration as HostedMigration | undefined)?.isPostcopy ?? false;
    options.onProgress?.({ phase, isPostcopy, setUp, nowNs, events, bytes, pagesLeft });
  };
  const settling = world.settle([one.guest]);
  // A failure is thrown when the settling is awaited below, so it is not an unhandled rejection.
  settling.catch(() => undefined);
  if (runner.threads > 1 && clock) await rehearseVirtual(config, clock, runVirtual);
  await settling;
  await world.play(one.directorOf(world));
  mark();
  const report = (await world.reports()).get(one.guest.name)!;
  if (!clock) return report;
  // The marks stand at the start, at the migration's start, before the proof and at the end.
  const [setUpNs, runNs, proofNs] = [1, 2, 3].map((i) => marks[i]! - marks[i - 1]!);
  const { events } = world;
  return { ...report, wall: { setUpNs: setUpNs!, runNs: runNs!, proofNs: proofNs!, events } };
}

function worldOptions(
  options: VirtualOptions,
  {
    onTurn,
    onProof,
    onSetUp,
  }: Pick<VirtualWorldOptions, 'onTurn' | 'onSetUp'> & { readonly onProof: () => void },
): VirtualWorldOptions {
  const { signal, proofSignal, mostEvents, happenings, runner, beforeProof } = options;
  return {
    areTargetsReady: true,
    ...(onTurn ? { onTurn } : {}),
    ...(onSetUp ? { onSetUp } : {}),
    beforeProof: (source, destination) => {
      onProof();
      beforeProof?.(source, destination);
    },
    ...(signal ? { signal } : {}),
    ...(proofSignal ? { proofSignal } : {}),
    ...(mostEvents === undefined ? {} : { mostEvents }),
    ...(happenings ? { happenings } : {}),
    ...(runner ? { runner } : {}),
  };
}
