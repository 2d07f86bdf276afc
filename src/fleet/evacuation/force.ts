import type { SourceReport } from '../../migration/source.ts';
import type { RunConfig } from '../../runtime/config.ts';
import type { EvacuatedGuest } from './config.ts';

/** The run of a guest whose migration is forced to its end, in place of being given up at its timeout. */
export function forcedConfig({ config, onDiverged }: EvacuatedGuest): RunConfig {
  const { migration } = config;
  if (onDiverged === 'leave' || migration.timeoutNs === Infinity) return config;
  const action = onDiverged === 'postcopy' ? 'postcopy' : 'switchover';
  const force = { afterMs: migration.timeoutNs / 1e6, action } as const;
  return { ...config, migration: { ...migration, force, timeoutNs: Infinity } };
}

/** Whether a migration was stopped only because its time was up. */
export function wasForced({ config, onDiverged }: EvacuatedGuest, report: SourceReport): boolean {
  const { pauseAskedNs } = report.stop;
  const { algorithm, timeoutNs } = config.migration;
  const isForceable = algorithm === 'precopy' || algorithm === 'hybrid';
  if (onDiverged === 'leave' || !isForceable || pauseAskedNs === undefined) return false;
  return pauseAskedNs - report.startNs >= timeoutNs;
}
