import type { ParallelLimits } from './config.ts';

export type LimitsPreset = 'kubevirt' | 'nova' | 'proxmox' | 'xapi' | 'hyper-v';

/** How many migrations each manager has under way at a time by default. */
export const LIMITS_PRESETS: Readonly<Record<LimitsPreset, ParallelLimits>> = {
  /**
   * KubeVirt has ParallelOutboundMigrationsPerNodeDefault 2 and ParallelMigrationsPerClusterDefault 5
   * (pkg/virt-config/virt-config.go, constants). It starts the next migration as soon as one ends.
   */
  kubevirt: { outgoing: 2, incoming: Infinity, cluster: 5, inBatches: false },
  /**
   * OpenStack's nova-compute has max_concurrent_live_migrations, which is 1 by default (nova/conf/compute.py),
   * "to avoid outbound live migrations overwhelming the host/network".
   */
  nova: { outgoing: 1, incoming: Infinity, cluster: Infinity, inBatches: false },
  /**
   * In Proxmox VE the local resource manager of a node in maintenance runs max_workers of datacenter.cfg, or 4
   * when that is not set (pve-ha-manager, PVE::HA::Env::PVE2, get_max_workers). The call /nodes/NODE/migrateall
   * has no default, as it requires max-workers.
   */
  proxmox: { outgoing: 4, incoming: Infinity, cluster: Infinity, inBatches: false },
  /**
   * In XenServer and XCP-ng host.evacuate migrates evacuation-batch-size guests at once, 10 by default (xapi.conf),
   * and the next batch when all of those have ended (xen-api, pull request 4755).
   */
  xapi: { outgoing: 10, incoming: Infinity, cluster: Infinity, inBatches: true },
  /**
   * Hyper-V has MaximumVirtualMachineMigrations of Set-VMHost, which is 2 by default ("Set up hosts for live
   * migration without Failover Clustering"). The limit holds for incoming migrations as for outgoing ones.
   */
  'hyper-v': { outgoing: 2, incoming: 2, cluster: Infinity, inBatches: false },
};

export const LIMITS_PRESET_NAMES = Object.keys(LIMITS_PRESETS) as [LimitsPreset, ...LimitsPreset[]];
