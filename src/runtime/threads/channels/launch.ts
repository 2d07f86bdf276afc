import { availableParallelism } from 'node:os';
import { createPacing } from '../../../link/shared-bucket.ts';
import type { Stage } from '../../common/stage.ts';
import type { RunConfig } from '../../config.ts';
import type { Crew, CrewError } from '../crew.ts';
import { SPINS } from '../driver.ts';
import type { WorkerPool } from '../pool.ts';
import type { RunWords } from '../run-words.ts';
import { type EngineChannels, threadsOf } from '../tasks.ts';
import { createReceiverDesk } from './receiver-desk.ts';
import { createSenderDesk } from './sender-desk.ts';
import type { ChannelTask } from './workers.ts';

/** What the threads of a run's channels need. */
export interface ChannelsLaunch {
  readonly config: RunConfig;
  readonly stage: Stage;
  readonly pool: WorkerPool;
  readonly crew: Crew;
  readonly words: RunWords;
  readonly clockOrigin: bigint;
  /** Called when a receiver has died; the guest can go on at the source when it returns true. */
  readonly onDestinationDeath: (error: CrewError) => boolean;
}

/** Starts the two threads of each channel, and has the crew watch them; returns undefined if there are no channels. */
export function launchChannels(launch: ChannelsLaunch): EngineChannels | undefined {
  const { config, stage, pool, crew, words, clockOrigin, onDestinationDeath } = launch;
  if (stage.channels.length === 0) return undefined;
  const { link, migration } = config;
  const pacing = createPacing(link.bytesPerSecond);
  const spins = availableParallelism() >= threadsOf(config) - config.guest.vcpus ? SPINS : 0;
  const senders = stage.channels.map(() => createSenderDesk());
  const receivers = stage.channels.map(() => createReceiverDesk());
  stage.channels.forEach((ring, channel) => {
    const shared = { clockOrigin, runWords: words.buffer, ring, pacing, link, migration, spins };
    const desks = { sender: senders[channel]!, receiver: receivers[channel]! };
    const near: ChannelTask = { ...shared, ...desks, guestSide: stage.source };
    const far: ChannelTask = { ...shared, ...desks, guestSide: stage.destination };
    void crew.watch(`the sender of channel ${channel}`, pool.run('sendChannel', near));
    const receiving = pool.run('receiveChannel', far);
    void crew.watch(`the receiver of channel ${channel}`, receiving, onDestinationDeath);
  });
  return { pacing, senders, receivers };
}
