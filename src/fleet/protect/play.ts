import type { EpochRecord } from '../../replication/ports.ts';
import { ThreadProtection } from '../../runtime/threads/replication/protection.ts';
import { VirtualProtection } from '../../runtime/virtual/replication/protection.ts';
import type { ProtectConfig } from '../../runtime/virtual/replication/config.ts';
import type { ProtectReport } from '../../runtime/virtual/replication/report.ts';

export interface PlayOptions {
  readonly signal?: AbortSignal;
  readonly proofSignal?: AbortSignal;
  /** Called for each epoch that has been acknowledged, with the time of the guest. */
  readonly onEpoch?: (record: EpochRecord, nowNs: number) => void;
  readonly onProof?: () => void;
  /** Called when the guest's memory is filled and the guest is about to run. */
  readonly onSettled?: () => void;
}

/** Lets a protected guest live to the end, in the runtime that it names. Throws ContentsError. */
export function playProtection(
  config: ProtectConfig,
  options: PlayOptions = {},
): Promise<ProtectReport> {
  const kind = config.run.runtime === 'threads' ? ThreadProtection : VirtualProtection;
  return new kind(config, options).run();
}
