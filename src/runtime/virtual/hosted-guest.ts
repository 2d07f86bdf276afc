import { vcpuDemand } from '../../guest/cpu-demand.ts';
import { planMemory } from '../../guest/memory-plan.ts';
import { VirtualClock } from '../../clock/virtual.ts';
import { fillDestination } from '../../memory/contents/contents.ts';
import { openMemory } from '../../memory/guest-memory.ts';
import { fillGuest, prefaultGuest } from '../common/fill.ts';
import { openGuestSide, type SharedGuestSide } from '../common/guest-side.ts';
import type { PieceOptions } from '../common/pieces.ts';
import { createPlace } from '../common/stage.ts';
import type { WorkRunner } from '../common/work.ts';
import type { GuestSpec, WorldMigration } from '../world/world.ts';
import { VirtualGuest } from './guest.ts';
import type { MigrationHost } from './migration-host.ts';

/** A guest of a virtual world, the host and the memory that it started on, and its migration once that has begun. */
export interface HostedGuest {
  readonly spec: GuestSpec;
  readonly guest: VirtualGuest;
  readonly geometries: ReturnType<typeof planMemory>['geometries'];
  readonly source: SharedGuestSide;
  readonly host: MigrationHost;
  /** How many CPUs its vCPUs keep busy while they run. */
  readonly demandCpus: number;
  /** Memory at its target, when that was taken and filled before the world began. */
  readonly target?: SharedGuestSide;
  migration?: WorldMigration;
}

/**
 * Creates a guest on its first host, fills its memory and starts its vCPUs. With `isTargetReady`, memory at its target
 * is taken and filled as well. Throws ContentsError when an image can't be used.
 */
export async function settleGuest(
  spec: GuestSpec,
  host: MigrationHost,
  runner: WorkRunner,
  isTargetReady: boolean,
  options: PieceOptions = {},
): Promise<HostedGuest> {
  const { guest: shape, seed, costs } = spec.config;
  const { plan, geometries } = planMemory(shape, seed);
  const source = createPlace(shape, plan, geometries(0));
  const target = isTargetReady ? createPlace(shape, plan, geometries(1)) : undefined;
  if (target) await prefaultGuest(runner, target, options);
  // A touch takes no virtual time, so pages of the source that are zero already stay untouched.
  const fill = { prefault: false, isUsed: false, ...options };
  await fillGuest(runner, source, shape.contents, seed, fill);
  const guest = new VirtualGuest(plan, openGuestSide(source), costs, new VirtualClock());
  guest.start(0);
  const demandCpus = vcpuDemand(shape.workloads, shape.vcpus, costs.accessNs);
  host.admit(guest, guest.place, demandCpus);
  const facts = { spec, guest, geometries, source, host, demandCpus };
  return { ...facts, ...(target ? { target } : {}) };
}

/** Returns a guest's memory at its target, which is filled with a pattern that no migration may leave behind. */
export function takeTarget({ target, spec, guest, geometries }: HostedGuest): SharedGuestSide {
  if (target) return target;
  const side = createPlace(spec.config.guest, guest.plan, geometries(1));
  for (const { ram } of openMemory(side.slots).slots) fillDestination(ram);
  return side;
}
