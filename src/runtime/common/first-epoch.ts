import type { GuestMemory } from '../../memory/guest-memory.ts';
import { policyNamed } from '../../migration/policies/registry.ts';
import type { Policy } from '../../migration/policy.ts';
import type { SourceOptions } from '../../migration/source-options.ts';
import { sourceOptions } from '../../migration/spec/wiring.ts';
import type { RunConfig } from '../config.ts';

/**
 * Returns the options and the policy of the pre-copy that brings the first epoch of a protection. Its patience is that of
 * the protection itself: a backup that is silent for `silenceNs` is dead.
 */
export function firstEpoch(
  { link, migration }: Pick<RunConfig, 'link' | 'migration'>,
  memory: GuestMemory,
  silenceNs: number,
): { readonly options: SourceOptions; readonly policy: Policy } {
  const policy = policyNamed(migration.policy as string).policy(migration, {
    pages: memory.pages,
    pageSize: memory.pageSize,
    linkBytesPerSecond: link.bytesPerSecond,
    maxBytesPerSecond: migration.maxBytesPerSecond,
    downtimeLimitMs: migration.downtimeLimitNs / 1e6,
    timeoutMs: migration.timeoutNs / 1e6,
  });
  return {
    options: { ...sourceOptions(link, migration, memory), patienceNs: silenceNs },
    policy,
  };
}
