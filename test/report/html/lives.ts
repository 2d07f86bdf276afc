import { loadFleetDocument } from '../../../src/fleet/datacentre/load.ts';
import type { FleetResult } from '../../../src/fleet/datacentre/result-schema.ts';
import { buildFleetResult } from '../../../src/fleet/datacentre/result.ts';
import { runFleet } from '../../../src/fleet/datacentre/run.ts';
import { loadProtectDocument } from '../../../src/fleet/protect/load.ts';
import type { ProtectResult } from '../../../src/fleet/protect/result-schema.ts';
import { buildProtectResult } from '../../../src/fleet/protect/result.ts';
import { VirtualProtection } from '../../../src/runtime/virtual/replication/protection.ts';
import { ScenarioDocument } from '../../../src/scenario/document.ts';

const guest = (workload: object) => ({
  memory: '1MiB',
  workloads: [{ pattern: 'uniform', ...workload }],
});

/** Protects a small guest, whose hosts fail as `replication` says. */
export async function protectedGuest(name: string, replication: object): Promise<ProtectResult> {
  const text = JSON.stringify({
    name,
    duration: '4s',
    guest: guest({ rate: 500 }),
    replication: { interval: '50ms', ...replication },
    outputs: [{ workload: 0, every: 10 }],
  });
  const loaded = loadProtectDocument(new ScenarioDocument('p.json', text), '.');
  return buildProtectResult(loaded, await new VirtualProtection(loaded.config).run());
}

/** Lets two hosts live, of which one has more to do than it can. */
export async function smallFleet(name: string): Promise<FleetResult> {
  const text = JSON.stringify({
    name,
    duration: '3min',
    hosts: [{ name: 'pm', count: 2, memory: '64MiB', cpus: 1 }],
    guests: [{ name: 'vm', count: 2, guest: guest({}) }],
    applications: [1, 2].map((index) => ({
      name: `web${index}`,
      tiers: [{ guests: `vm-${index}`, service: '10ms' }],
      load: { kind: 'constant', rate: 45 },
    })),
  });
  const loaded = loadFleetDocument(new ScenarioDocument('f.json', text), '.');
  return buildFleetResult(loaded, await runFleet(loaded.config));
}
