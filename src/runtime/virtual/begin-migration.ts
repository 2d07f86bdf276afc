import type { Flow } from '../../link/network.ts';
import { openGuestSide } from '../common/guest-side.ts';
import { createTransfer } from '../common/stage.ts';
import type { RunConfig } from '../config.ts';
import { takeTarget } from './hosted-guest.ts';
import type { HostedMigration } from './hosted-migration.ts';
import { VirtualMigration, type VirtualMigrationParts } from './migration.ts';
import type { VirtualWorker } from './virtual-worker.ts';

/** What a world gives to a migration that begins. */
export interface Surroundings extends Pick<
  VirtualMigrationParts,
  'isCancelled' | 'onOver' | 'happenings' | 'gang'
> {
  readonly startNs: number;
  /** The guest's configuration with the latency of the world's network. */
  readonly config: RunConfig;
  /** Opens its flows; it is absent in a world without a network. */
  readonly openFlows?: () => { readonly forward: Flow; readonly backward: Flow };
}

/**
 * Advances a guest to the present, and begins its migration with memory at its target, flows and workers. Returns the
 * process, which the world has to step.
 */
export function beginMigration(
  migration: HostedMigration,
  { startNs, config, openFlows, isCancelled, onOver, happenings, gang }: Surroundings,
): VirtualMigration {
  const { hostedGuest, from, to } = migration.planned;
  const { guest } = hostedGuest;
  guest.advance(startNs);
  if (startNs > 0) guest.measureRates();
  guest.isMigrating = true;
  guest.timeline.sample(startNs);
  const destination = takeTarget(hostedGuest);
  const { channels } = config.migration;
  const transfer = createTransfer(config.link, config.guest.pageSize, false, channels);
  const target = guest.prepare(openGuestSide(destination));
  to.admit(guest, target, hostedGuest.demandCpus);
  const sender = from.hire();
  const receiver = to.hire();
  const hired = (host: typeof from): VirtualWorker[] =>
    transfer.channels.flatMap(() => host.hire() ?? []);
  const channelWorkers = { senders: hired(from), receivers: hired(to) };
  const flows = openFlows?.();
  const shares = {
    ...(flows ? { flows } : {}),
    ...(sender ? { sender } : {}),
    ...(receiver ? { receiver } : {}),
    channelWorkers,
  };
  const process = new VirtualMigration({
    config,
    guest,
    target,
    transfer,
    startNs,
    isCancelled,
    ...(onOver ? { onOver } : {}),
    ...shares,
    ...(gang ? { gang } : {}),
    ...(happenings ? { happenings } : {}),
  });
  const isReferred = gang !== undefined;
  migration.begin({ process, transfer, destination, isReferred, ...shares });
  return process;
}
