import type { WriterMarks } from '../memory/dirty-logs/dirty-log.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { WriterHandshake } from '../memory/handshake/writer.ts';
import type { BalloonHost } from './guest-disk.ts';
import type { ManagerCosts } from './manager-costs.ts';
import type { GuestPlan } from './stream-plan.ts';

export interface ManagerParts {
  readonly vcpu: number;
  readonly plan: GuestPlan;
  readonly memory: GuestMemory;
  readonly area: Float64Array;
  readonly handshake: WriterHandshake;
  readonly marks: WriterMarks;
  /** How long its actions take on a virtual clock; on a real clock they take their own time. */
  readonly costs?: ManagerCosts;
  /** The host that drives the balloon, if it is overcommitted. */
  readonly host?: BalloonHost | undefined;
}
