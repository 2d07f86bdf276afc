import type { Contents } from '../../memory/contents/contents.ts';
import type { SharedHost } from './host.ts';
import type { WorkRunner } from './work.ts';
import { pageRanges } from './ranges.ts';

/** Contents that turned out unusable once they were read: the scenario's fault, not the run's. */
export class ContentsError extends Error {
  override readonly name = 'ContentsError';
}

/** Gives a host's memory its initial contents. Throws ContentsError. */
export async function fillHost(
  pool: WorkRunner,
  host: SharedHost,
  contents: readonly Contents[],
  seed: number,
): Promise<void> {
  await Promise.all(
    pageRanges(host, pool.threads).map((range) =>
      pool.run('fill', { host, contents, seed, ...range }),
    ),
  );
  const images = contents.flatMap(({ kind }, entry) => (kind === 'file' ? [entry] : []));
  const problems = await Promise.all(
    images.map((entry) => pool.run('load', { host, contents, entry })),
  );
  const problem = problems.find((sentence) => sentence !== undefined);
  if (problem !== undefined) throw new ContentsError(problem);
}
