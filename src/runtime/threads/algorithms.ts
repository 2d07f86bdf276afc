import type { Algorithm } from '../../migration/ports.ts';
import { precopySource } from '../../migration/precopy.ts';
import { qemuPolicy } from '../../migration/policies/qemu.ts';
import { roundsPolicy } from '../../migration/policies/rounds.ts';
import type { SourceReport } from '../../migration/source.ts';
import type { SourceOptions, SourceSide } from '../../migration/source-session.ts';
import { stopAndCopySource } from '../../migration/stop-and-copy.ts';
import type { RunConfig } from '../config.ts';

/** The source's half that a scenario asks for. */
export function sourceAlgorithm(
  side: SourceSide,
  config: RunConfig['migration'],
): Algorithm<SourceReport> {
  const isStopped = config.algorithm === 'stop-and-copy';
  if (config.policy === 'rounds') {
    const policy = roundsPolicy(config.rounds);
    return isStopped ? stopAndCopySource(side, policy) : precopySource(side, policy);
  }
  const policy = qemuPolicy(config.downtimeLimitNs / 1e6);
  return isStopped ? stopAndCopySource(side, policy) : precopySource(side, policy);
}

export function sourceOptions(
  link: RunConfig['link'],
  migration: RunConfig['migration'],
): SourceOptions {
  return {
    integrity: link.integrity,
    zeroPages: migration.zeroPages,
    linkBytesPerSecond: link.bytesPerSecond,
    maxBytesPerSecond: migration.maxBytesPerSecond,
    strictRate: migration.strictRate,
    timeoutNs: migration.timeoutNs,
  };
}
