import type { LoadedEvacuation } from '../../fleet/evacuation/load.ts';
import { buildEvacuationResult } from '../../fleet/evacuation/result.ts';
import type { EvacuationResult } from '../../fleet/evacuation/result-schema.ts';
import { runEvacuation } from '../../fleet/evacuation/run.ts';
import type { LoadedFleet } from '../../fleet/datacentre/load.ts';
import type { FleetReport } from '../../fleet/datacentre/report.ts';
import { runFleet } from '../../fleet/datacentre/run.ts';
import type { LoadedHost } from '../../fleet/host/load.ts';
import type { LoadedProtection } from '../../fleet/protect/load.ts';
import type { HostReport } from '../../fleet/host/report.ts';
import { runHost } from '../../fleet/host/run.ts';
import {
  type ProtectionOptions,
  VirtualProtection,
} from '../../runtime/virtual/replication/protection.ts';
import type { ProtectReport } from '../../runtime/virtual/replication/report.ts';
import { runVirtual } from '../../runtime/virtual/run.ts';
import type { RunReport } from '../../runtime/report.ts';
import { buildResult } from '../../result/build.ts';
import type { RunResult } from '../../result/schema.ts';
import type { LoadedScenario } from '../../scenario/load.ts';

/** Is called after every run of an experiment with the number of runs done and of all runs. */
export type OnRun = (done: number, all: number) => void;

/** What a function is given from the file of its experiment. */
export interface Given {
  /** Loads the file's scenario with overrides, written as for `--set`. */
  readonly load: (sets?: readonly string[]) => LoadedScenario;
  /** Loads the file's host with overrides. */
  readonly loadHost: (sets?: readonly string[]) => LoadedHost;
  /** Loads the file's evacuation with overrides. */
  readonly loadEvacuation: (sets?: readonly string[]) => LoadedEvacuation;
  /** Loads the file's protected guest with overrides. */
  readonly loadProtection: (sets?: readonly string[]) => LoadedProtection;
  /** Loads the file's fleet with overrides. */
  readonly loadFleet: (sets?: readonly string[]) => LoadedFleet;
  readonly data: unknown;
}

/** Runs a scenario in the virtual runtime. Throws when the run does not complete, or loses a byte. */
export async function runOf({
  scenario,
  config,
}: LoadedScenario): Promise<{ report: RunReport; result: RunResult }> {
  const report = await runVirtual({ ...config, runtime: 'virtual' });
  const result = buildResult(scenario, report);
  if (result.outcome !== 'completed') throw new Error(`a run ended ${result.outcome}`);
  if (result.verify?.ok === false) throw new Error('a run lost a byte');
  return { report, result };
}

/** Runs a scenario as `runOf` does, and returns its result alone. */
export async function resultOf(loaded: LoadedScenario): Promise<RunResult> {
  return (await runOf(loaded)).result;
}

/** Lets a host live in the virtual runtime. Throws when it does not live to its end, or a guest loses a byte. */
export async function hostReportOf({ config }: LoadedHost): Promise<HostReport> {
  const report = await runHost(config);
  const { outcome, error, proof } = report;
  if (outcome !== 'completed') throw new Error(`a host ended ${outcome}: ${error ?? ''}`);
  const isLost = proof?.guests.some((guest) => !guest.proof.ok) ?? false;
  if (isLost || (proof?.problems.length ?? 0) > 0) throw new Error('a guest of a host lost a byte');
  return report;
}

/** Plays an evacuation in the virtual runtime. Throws when a guest stays, or loses a byte. */
export async function evacuationResultOf(loaded: LoadedEvacuation): Promise<EvacuationResult> {
  const result = buildEvacuationResult(loaded, await runEvacuation(loaded.config));
  const { emptied, guests } = result;
  if (!emptied) throw new Error('a guest of an evacuation did not move');
  if (guests.some(({ run }) => run?.verify?.ok === false)) throw new Error('a guest lost a byte');
  return result;
}

/** Lets a fleet live. Throws when one of its migrations does not complete, or loses a byte. */
export async function fleetReportOf({ config }: LoadedFleet): Promise<FleetReport> {
  const report = await runFleet(config);
  for (const { vm, isMoved, run } of report.migrations) {
    if (!isMoved) throw new Error(`the migration of ${vm} ended ${run?.source.outcome ?? 'early'}`);
    if (run?.proof?.ok === false) throw new Error(`the migration of ${vm} lost a byte`);
  }
  return report;
}

/**
 * Lets a protected guest live in the virtual runtime. Throws when it does not live to its end, breaks a promise of
 * protection, or loses a byte; a file with `verify: off` has no bytes compared.
 */
export async function protectReportOf(
  { config }: LoadedProtection,
  options: ProtectionOptions = {},
): Promise<ProtectReport> {
  const report = await new VirtualProtection(config, options).run();
  const { outcome, error, problems, proofs = [] } = report;
  if (outcome !== 'completed') throw new Error(`a protection ended ${outcome}: ${error ?? ''}`);
  const isLost = proofs.some(({ proof, differingBlocks = 0 }) => !proof.ok || differingBlocks > 0);
  if (isLost || problems.length > 0) throw new Error('a protected guest lost a byte or a packet');
  return report;
}
