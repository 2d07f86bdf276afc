/**
 * What a program may import from 'pageferry/worlds': several hosts, guests and migrations on one clock, and a director of
 * one's own (docs/world.md). This is nearer to the runtimes than the package's main entry, and changes more often.
 */
export type { EvacuationConfig } from './fleet/evacuation/config.ts';
export { loadEvacuation, type LoadedEvacuation } from './fleet/evacuation/load.ts';
export type { RunConfig } from './runtime/config.ts';
export type { RunReport } from './runtime/report.ts';
export { ThreadWorld } from './runtime/threads/world.ts';
export { VirtualWorld } from './runtime/virtual/world.ts';
export type { HostSpec } from './runtime/world/host-spec.ts';
export type {
  Director,
  GuestSpec,
  World,
  WorldMigration,
  WorldOptions,
  WorldSpec,
} from './runtime/world/world.ts';
