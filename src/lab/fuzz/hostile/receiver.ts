import { VirtualClock } from '../../../clock/virtual.ts';
import { planMemory } from '../../../guest/memory-plan.ts';
import { destination, type DestinationReport } from '../../../migration/destination.ts';
import type { WaitRequest, Wake } from '../../../migration/ports.ts';
import { giveBackGuestSide, openGuestSide } from '../../../runtime/common/guest-side.ts';
import { SharedDestinationGuest } from '../../../runtime/common/guests.ts';
import { createPlace } from '../../../runtime/common/stage.ts';
import type { RunConfig } from '../../../runtime/config.ts';
import { VirtualCrew } from '../../../runtime/virtual/crew.ts';
import { VirtualDestinationGuest } from '../../../runtime/virtual/guests.ts';
import type { Delivery } from '../delivery.ts';
import { MemoryGuard } from '../memory-guard.ts';
import { type ScriptMemory, ScriptedLink } from './scripted-link.ts';

/** A destination takes a few steps for each frame; one that takes so many for a short script never ends. */
const MOST_STEPS = 20_000;
/** vCPUs that run while frames come have so much time for each step. */
const STEP_NS = 20_000;

/** What a destination made of a stream. */
export interface ReceiverVerdict {
  readonly report?: DestinationReport;
  /** What went wrong at the destination itself, which a stream must never bring about. */
  readonly wrongs: readonly string[];
}

/** Lets a destination, with the guest that a configuration describes, take the frames of a script. */
export function receive(
  config: RunConfig,
  memory: ScriptMemory,
  script: readonly Delivery[],
): ReceiverVerdict {
  const { plan, geometries } = planMemory(config.guest, config.seed);
  const place = createPlace(config.guest, plan, geometries(1));
  const side = openGuestSide(place);
  const guard = new MemoryGuard([side.memory]);
  const clock = new VirtualClock();
  const crew = new VirtualCrew(side, plan, config.costs);
  const inner = new SharedDestinationGuest(side, plan, clock);
  const { devices } = config.guest;
  const half = destination({
    clock,
    link: new ScriptedLink(memory, script),
    guest: new VirtualDestinationGuest(inner, crew, clock, config.costs),
    ...(devices ? { devices } : {}),
  });
  try {
    const report = drive(half, clock, crew);
    return { ...(report ? { report } : {}), wrongs: [...wrongsOf(report), ...guard.problems()] };
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { wrongs: [`it threw ${what}`, ...guard.problems()] };
  } finally {
    giveBackGuestSide(place);
  }
}

/** Steps the destination to its end; returns undefined when it does not come to one. */
function drive(
  half: ReturnType<typeof destination>,
  clock: VirtualClock,
  crew: VirtualCrew,
): DestinationReport | undefined {
  let wake: Wake = 'time';
  for (let step = 0; step < MOST_STEPS; step++) {
    const { done, value } = half.next(wake);
    if (done) return value;
    clock.spend(STEP_NS);
    crew.poll(clock.now());
    crew.advance(clock.now());
    crew.attendFaults(clock.now());
    wake = wakeOf(value, clock);
  }
  return undefined;
}

/** Returns what ends a wait: the link brings frames at once and takes any. */
function wakeOf({ frame, credit, guest, connection, untilNs }: WaitRequest, clock: VirtualClock) {
  if (frame) return 'frame';
  if (credit) return 'credit';
  if (connection) return 'connection';
  if (guest) return 'guest';
  clock.moveTo(Math.max(clock.now(), untilNs));
  return 'time';
}

function wrongsOf(report: DestinationReport | undefined): string[] {
  if (!report) return [`it has not ended after ${MOST_STEPS} steps`];
  if (report.outcome !== 'failed') return [];
  const isOneSentence = /^\P{Cc}{5,600}$/u.test(report.error ?? '');
  return isOneSentence ? [] : [`it does not say why in one line: ${JSON.stringify(report.error)}`];
}
