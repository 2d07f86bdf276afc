import { lightPlan } from '../../guest/stream-plan.ts';
import type { VcpuEnd } from '../../guest/vcpu.ts';
import type { SharedNetwork } from '../../link/network.ts';
import type { Stage } from '../common/stage.ts';
import type { RunConfig } from '../config.ts';
import type { Crew, CrewError } from './crew.ts';
import type { WorkerPool } from './pool.ts';
import type { RunWords } from './run-words.ts';
import type { SourceEnd, Tasks } from './tasks.ts';

/** The two engines of a guest's migration, each of which resolves when its half has ended. */
export interface Engines {
  readonly source: Promise<SourceEnd>;
  readonly destination: Promise<Tasks['destination'][1]>;
}

export interface Launch {
  readonly config: RunConfig;
  readonly stage: Stage;
  readonly pool: WorkerPool;
  readonly crew: Crew;
  readonly words: RunWords;
  readonly clockOrigin: bigint;
  /** The links that the guest shares with others; without them, it has its link for itself. */
  readonly network?: SharedNetwork;
  /** Called when a vCPU has ended, with what it returned. */
  readonly onVcpuEnd: (side: 'source' | 'destination', vcpu: number, end: VcpuEnd) => void;
  /** Called when the destination's engine has died; the guest can go on at the source when it returns true. */
  readonly onDestinationDeath: (error: CrewError) => boolean;
}

/** Starts a guest's threads, which are the vCPUs and the engine on either side, and has its crew watch them. */
export function launchThreads(launch: Launch): Engines {
  const { config, stage, pool, crew, words, clockOrigin, network } = launch;
  const shared = { plan: lightPlan(stage.plan), clockOrigin, runWords: words.buffer };
  for (const side of ['source', 'destination'] as const) {
    const guestSide = stage[side];
    for (let vcpu = 0; vcpu < config.guest.vcpus; vcpu++) {
      const task = pool.run('vcpu', { ...shared, guestSide, vcpu });
      const kept = task.then((end) => launch.onVcpuEnd(side, vcpu, end));
      void crew.watch(`vCPU ${vcpu} of the ${side}`, kept);
    }
  }
  const { link, migration } = config;
  const { devices } = config.guest;
  const engine = {
    ...shared,
    link,
    migration,
    line: stage.line,
    ...(network ? { network } : {}),
    ...(devices ? { devices } : {}),
  };
  const source = pool.run('source', {
    ...engine,
    guestSide: stage.source,
    peerHandshake: stage.destination.handshake,
    outgoing: stage.forward,
    incoming: stage.backward,
  });
  const destination = pool.run('destination', {
    ...engine,
    guestSide: stage.destination,
    peerHandshake: stage.source.handshake,
    outgoing: stage.backward,
    incoming: stage.forward,
  });
  return {
    source: crew.watch('the source engine', source),
    destination: crew.watch('the destination engine', destination, launch.onDestinationDeath),
  };
}
