import { type GuestPlan, lightPlan } from '../../guest/stream-plan.ts';
import type { VcpuEnd } from '../../guest/vcpu.ts';
import type { SharedNetwork } from '../../link/network.ts';
import type { SharedGuestSide } from '../common/guest-side.ts';
import type { Stage } from '../common/stage.ts';
import type { RunConfig } from '../config.ts';
import type { Crew, CrewError } from './crew.ts';
import { launchChannels } from './channels/launch.ts';
import type { WorkerPool } from './pool.ts';
import type { RunWords } from './run-words.ts';
import type { EngineTask, SourceEnd, Tasks } from './tasks.ts';

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

/** What the threads of one side of a guest need. */
export interface SideLaunch {
  readonly config: RunConfig;
  readonly plan: GuestPlan;
  readonly guestSide: SharedGuestSide;
  readonly pool: WorkerPool;
  readonly crew: Crew;
  readonly words: RunWords;
  readonly clockOrigin: bigint;
}

/** Starts the vCPUs of one side, and has the crew watch them. */
export function launchVcpus(
  launch: SideLaunch,
  side: 'source' | 'destination',
  onEnd: (vcpu: number, end: VcpuEnd) => void,
): void {
  const { config, plan, guestSide, pool, crew, words, clockOrigin } = launch;
  const shared = { plan: lightPlan(plan), clockOrigin, runWords: words.buffer };
  for (let vcpu = 0; vcpu < config.guest.vcpus; vcpu++) {
    const task = pool.run('vcpu', { ...shared, guestSide, vcpu });
    const kept = task.then((end) => onEnd(vcpu, end));
    void crew.watch(`vCPU ${vcpu} of the ${side}`, kept);
  }
}

/** Returns the task of one side's engine. */
export function engineTask(
  { config, plan, guestSide, words, clockOrigin }: SideLaunch,
  link: Pick<
    EngineTask,
    'outgoing' | 'incoming' | 'line' | 'peerHandshake' | 'network' | 'channels'
  >,
): EngineTask {
  const { devices } = config.guest;
  return {
    plan: lightPlan(plan),
    clockOrigin,
    runWords: words.buffer,
    link: config.link,
    migration: config.migration,
    guestSide,
    ...link,
    ...(devices ? { devices } : {}),
  };
}

/** Starts a guest's threads, which are the vCPUs and the engine on either side, and has its crew watch them. */
export function launchThreads(launch: Launch): Engines {
  const { stage, pool, crew, network } = launch;
  const { source, destination } = stage;
  const sideOf = (guestSide: SharedGuestSide): SideLaunch => ({
    ...launch,
    plan: stage.plan,
    guestSide,
  });
  for (const side of ['source', 'destination'] as const) {
    launchVcpus(sideOf(stage[side]), side, (vcpu, end) => launch.onVcpuEnd(side, vcpu, end));
  }
  const channels = launchChannels(launch);
  const shared = {
    line: stage.line,
    ...(network ? { network } : {}),
    ...(channels ? { channels } : {}),
  };
  const near = pool.run(
    'source',
    engineTask(sideOf(source), {
      ...shared,
      peerHandshake: destination.handshake,
      outgoing: stage.forward,
      incoming: stage.backward,
    }),
  );
  const far = pool.run(
    'destination',
    engineTask(sideOf(destination), {
      ...shared,
      peerHandshake: source.handshake,
      outgoing: stage.backward,
      incoming: stage.forward,
    }),
  );
  return {
    source: crew.watch('the source engine', near),
    destination: crew.watch('the destination engine', far, launch.onDestinationDeath),
  };
}
