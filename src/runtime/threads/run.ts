import type { RunConfig } from '../config.ts';
import type { RunReport } from '../report.ts';
import { OneMigration, WORLD_OF_ONE } from '../world/one-migration.ts';
import type { RunOptions } from './options.ts';
import { ThreadWorld } from './world.ts';

export { type LiveView, type RunOptions, type RunPhase, RunSetupError } from './options.ts';

/**
 * Runs one migration in real time, in a world of one guest: the vCPUs and the two engines are worker threads, and
 * frames really move through shared-memory rings. It returns a report, whatever happens to the migration. It throws
 * only when the run could not be set up: RunSetupError, ContentsError when an image can't be used, or an Error when
 * the pool has too few threads.
 */
export async function runThreads(config: RunConfig, options: RunOptions = {}): Promise<RunReport> {
  const one = new OneMigration(config);
  const world = new ThreadWorld(WORLD_OF_ONE, options);
  await world.settle([one.guest]);
  try {
    options.onStart?.(() => world.look(one.guest.name));
  } catch (error) {
    await world.leave();
    throw error;
  }
  await world.play(one.directorOf(world));
  return (await world.reports()).get(one.guest.name)!;
}
