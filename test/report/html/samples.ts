import type { RunResult } from '../../../src/result/schema.ts';
import { buildResult } from '../../../src/result/build.ts';
import { loadScenarioText } from '../../../src/scenario/load.ts';
import { runVirtual } from '../../../src/runtime/virtual/run.ts';

/** A name that ends a script and begins an element, if a page writes it as it is. */
export const HOSTILE = `</script><script>globalThis.isBroken = true</script><img src="x" onerror='alert(1)'> & "quoted"`;

/** Makes a small run in virtual time whose scenario has a hostile name. */
export async function sampleRun(migration: object = {}): Promise<RunResult> {
  const { scenario, config } = loadScenarioText('sample', sampleText(migration));
  return buildResult(scenario, await runVirtual(config));
}

const sampleText = (migration: object): string =>
  JSON.stringify({
    name: HOSTILE,
    runtime: 'virtual',
    guest: {
      memory: '16MiB',
      contents: [{ kind: 'random' }],
      workloads: [{ pattern: 'uniform', rate: 20_000, region: { start: 0, size: '8MiB' } }],
    },
    migration: {
      policy: 'qemu',
      downtimeLimit: '5ms',
      startAfter: '200ms',
      runAfter: '200ms',
      ...migration,
    },
  });

/** Makes a run, and returns as well when the samples of its guest really began, in ms since the migration's start. */
export async function timelineStart(): Promise<{ result: RunResult; startMs: number }> {
  const { scenario, config } = loadScenarioText('sample', sampleText({}));
  const report = await runVirtual(config);
  const { guest, source } = report;
  const startMs = (guest.timeline[0]!.ns - source.startNs) / 1e6;
  return { result: buildResult(scenario, report), startMs };
}

/** Makes a result of each kind that has a report. */
export async function sampleResults(): Promise<Readonly<Record<string, unknown>>> {
  return {
    precopy: await sampleRun(),
    postcopy: await sampleRun({ algorithm: 'postcopy', policy: undefined }),
  };
}
