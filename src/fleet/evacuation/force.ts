import type { SourceReport } from '../../migration/source.ts';
import type { RunConfig } from '../../runtime/config.ts';
import type { EvacuatedGuest } from './config.ts';

/**
 * Returns the configuration of a guest's run in which `onDiverged` forces the migration to its end at the timeout,
 * where it would otherwise be given up.
 */
export function forcedConfig({ config, onDiverged }: EvacuatedGuest): RunConfig {
  const { migration } = config;
  if (onDiverged === 'leave' || migration.timeoutNs === Infinity || !hasLiveRounds(config)) {
    return config;
  }
  const action = onDiverged === 'postcopy' ? 'postcopy' : 'switchover';
  const force = { afterMs: migration.timeoutNs / 1e6, action } as const;
  return { ...config, migration: { ...migration, force, timeoutNs: Infinity } };
}

/** Returns whether the guest was stopped only because its timeout had passed and `onDiverged` forced it. */
export function wasForced({ config, onDiverged }: EvacuatedGuest, report: SourceReport): boolean {
  const { pauseAskedNs } = report.stop;
  if (onDiverged === 'leave' || !hasLiveRounds(config) || pauseAskedNs === undefined) return false;
  return pauseAskedNs - report.startNs >= config.migration.timeoutNs;
}

/** Only live rounds can go on for ever; other algorithms stop the guest at once, and keep their timeout. */
function hasLiveRounds({ migration: { algorithm } }: RunConfig): boolean {
  return algorithm === 'precopy' || algorithm === 'hybrid';
}
