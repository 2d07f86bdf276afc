import type { ParallelLimits } from './config.ts';

export type LimitsPreset = 'kubevirt' | 'nova' | 'proxmox' | 'xapi' | 'hyper-v';

/** How many migrations managers have under way at a time, each by its defaults. */
export const LIMITS_PRESETS: Readonly<Record<LimitsPreset, ParallelLimits>> = {
  /**
   * KubeVirt: ParallelOutboundMigrationsPerNodeDefault 2 and ParallelMigrationsPerClusterDefault 5
   * (pkg/virt-config/virt-config.go, constants). It starts the next one as soon as one ends.
   */
  kubevirt: { outgoing: 2, incoming: Infinity, cluster: 5, inBatches: false },
  /**
   * OpenStack: nova-compute's max_concurrent_live_migrations, 1 by default (nova/conf/compute.py),
   * "to avoid outbound live migrations overwhelming the host/network".
   */
  nova: { outgoing: 1, incoming: Infinity, cluster: Infinity, inBatches: false },
  /**
   * Proxmox VE: the local resource manager of a node in maintenance has max_workers of
   * datacenter.cfg at work, 4 when it is not set (pve-ha-manager, PVE::HA::Env::PVE2,
   * get_max_workers). The call /nodes/NODE/migrateall has no default: it wants max-workers.
   */
  proxmox: { outgoing: 4, incoming: Infinity, cluster: Infinity, inBatches: false },
  /**
   * XenServer and XCP-ng: host.evacuate migrates evacuation-batch-size guests at once, 10 by
   * default (xapi.conf), and the next batch when all of those are over (xen-api, pull request 4755).
   */
  xapi: { outgoing: 10, incoming: Infinity, cluster: Infinity, inBatches: true },
  /**
   * Hyper-V: MaximumVirtualMachineMigrations of Set-VMHost, 2 by default ("Set up hosts for live
   * migration without Failover Clustering"); a host's incoming migrations count as its outgoing.
   */
  'hyper-v': { outgoing: 2, incoming: 2, cluster: Infinity, inBatches: false },
};

export const LIMITS_PRESET_NAMES = Object.keys(LIMITS_PRESETS) as [LimitsPreset, ...LimitsPreset[]];
