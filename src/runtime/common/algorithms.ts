import { cursorOrder, twiceOrder } from '../../migration/page-orders/cursor.ts';
import type { PageOrder, PageOrderName } from '../../migration/page-orders/page-order.ts';
import { postcopyAfter } from '../../migration/policies/postcopy-after.ts';
import type { Policy } from '../../migration/policy.ts';
import type { Algorithm } from '../../migration/ports.ts';
import { hybridSource, postcopySource } from '../../migration/postcopy.ts';
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
  return config.policy === 'rounds'
    ? algorithmWith(side, config, roundsPolicy(config.rounds))
    : algorithmWith(side, config, qemuPolicy(config.downtimeLimitNs / 1e6));
}

function algorithmWith<State>(
  side: SourceSide,
  config: RunConfig['migration'],
  policy: Policy<State>,
): Algorithm<SourceReport> {
  switch (config.algorithm) {
    case 'stop-and-copy':
      return stopAndCopySource(side, policy);
    case 'precopy':
      return precopySource(side, policy);
    case 'postcopy':
      return postcopySource(side, orderOf(config.pageOrder));
    default: {
      const order = orderOf(config.pageOrder);
      return hybridSource(side, postcopyAfter(policy, config.postcopyAfter), order);
    }
  }
}

function orderOf(name: PageOrderName): PageOrder {
  return name === 'twice' ? twiceOrder() : cursorOrder(name === 'follow');
}

export function sourceOptions(
  link: RunConfig['link'],
  migration: RunConfig['migration'],
): SourceOptions {
  return {
    integrity: link.integrity,
    zeroPages: migration.zeroPages,
    linkBytesPerSecond: link.bytesPerSecond,
    linkLatencyNs: link.latencyNs,
    postcopyBytesPerSecond: migration.postcopyBytesPerSecond,
    maxBytesPerSecond: migration.maxBytesPerSecond,
    strictRate: migration.strictRate,
    timeoutNs: migration.timeoutNs,
  };
}
