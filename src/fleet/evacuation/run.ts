import type { Clock } from '../../clock/clock.ts';
import type { RunReport } from '../../runtime/report.ts';
import { ThreadWorld } from '../../runtime/threads/world.ts';
import { VirtualWorld } from '../../runtime/virtual/world.ts';
import type { WorldMigration } from '../../runtime/world/world.ts';
import type { EvacuatedGuest, EvacuationConfig } from './config.ts';
import { Evacuation } from './evacuation.ts';
import { forcedConfig, wasForced } from './force.ts';
import type { EvacuationOptions, EvacuationReport, GuestEvacuation } from './report.ts';

/**
 * Empties a host on a virtual clock, or with real threads in real time, as the configuration says. With a real
 * clock in its options, the report of a virtual evacuation says how long the emulation itself took.
 */
export async function runEvacuation(
  config: EvacuationConfig,
  options: EvacuationOptions & { readonly clock?: Clock } = {},
): Promise<EvacuationReport> {
  const { clock, signal, proofSignal, onSetUp } = options;
  const beganNs = clock?.now() ?? 0;
  const kind = config.runtime === 'virtual' ? VirtualWorld : ThreadWorld;
  const world = new kind(config, {
    ...(signal ? { signal } : {}),
    ...(proofSignal ? { proofSignal } : {}),
    ...(onSetUp ? { onSetUp } : {}),
  });
  const evacuation = new Evacuation(config, world, options);
  const guests = config.guests.map((guest) => ({
    name: guest.name,
    host: config.source,
    config: forcedConfig(guest),
  }));
  await world.settle(guests);
  await world.play(evacuation);
  const reports = await world.reports();
  const migrations = new Map(world.migrations.map((one) => [one.guest, one]));
  const events = world instanceof VirtualWorld ? world.events : undefined;
  return {
    runtime: world.runtime,
    clock: world.clock,
    startedNs: evacuation.startedNs,
    endedNs: evacuation.endedNs,
    guests: config.guests.map((guest) =>
      evacuated(guest, migrations.get(guest.name), reports.get(guest.name)),
    ),
    links: world.links,
    referenceTables: world instanceof VirtualWorld ? world.referenceTables : [],
    samples: evacuation.sampler.samples,
    ...(clock && events !== undefined ? { wall: { ns: clock.now() - beganNs, events } } : {}),
  };
}

function evacuated(
  guest: EvacuatedGuest,
  migration: WorldMigration | undefined,
  run: RunReport | undefined,
): GuestEvacuation {
  const { name } = guest;
  if (!migration) return { name, wasForced: false };
  const { to, startNs, endNs = startNs } = migration;
  return {
    name,
    target: to,
    startedNs: startNs,
    endedNs: endNs,
    ...(run ? { run } : {}),
    wasForced: run !== undefined && wasForced(guest, run.source),
  };
}
