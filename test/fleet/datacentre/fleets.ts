import { loadFleetDocument, type LoadedFleet } from '../../../src/fleet/datacentre/load.ts';
import type { FleetPolicy } from '../../../src/fleet/datacentre/policies/policy.ts';
import { ScenarioDocument } from '../../../src/scenario/document.ts';

/** Returns a fleet whose file is this text. */
export const fleetOf = (text: string): LoadedFleet =>
  loadFleetDocument(new ScenarioDocument('fleet.yaml', text), '.');

/** Returns a policy that moves guests at fixed times, given in seconds, whatever their loads are. */
export function moveAt(
  moves: readonly (readonly [atS: number, vm: string, to: string])[],
): FleetPolicy {
  return {
    name: 'timetable',
    decide: ({ nowNs }) => ({
      chains: moves.filter(([atS]) => atS * 1e9 === nowNs).map(([, vm, to]) => [{ vm, to }]),
    }),
  };
}
