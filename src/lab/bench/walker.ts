import type { Clock } from '../../clock/clock.ts';
import type { GuestPlan } from '../../guest/stream-plan.ts';
import { VcpuCore } from '../../guest/vcpu-core.ts';
import type { WriterMarks } from '../../memory/dirty-logs/dirty-log.ts';
import type { WriterHandshake } from '../../memory/handshake/writer.ts';
import type { GuestSide } from '../../runtime/common/guest-side.ts';
import type { PassWords } from './pass-words.ts';

export interface WalkerParts {
  readonly vcpu: number;
  readonly plan: GuestPlan;
  readonly guestSide: GuestSide;
  readonly handshake: WriterHandshake;
  readonly marks: WriterMarks;
  readonly clock: Clock;
  readonly passes: PassWords;
  /** How many accesses a pass has. */
  readonly accesses: number;
}

/** Every wait is limited, so that a lost wake-up can't block a vCPU for ever. */
const LONGEST_SLEEP_MS = 100;

/**
 * Runs a vCPU that makes a fixed number of accesses whenever a pass begins, and is parked between
 * passes, as those of Linux' dirty_log_perf_test are. Returns when the guest is stopped.
 */
export function walk(parts: WalkerParts): void {
  const { handshake, passes, vcpu, clock, accesses } = parts;
  const walkOn = walkerOf(parts);
  let done = 0;
  let isRunning = handshake.poll();
  while (!handshake.isStopped()) {
    const { pass } = passes;
    if (pass === done || !isRunning) {
      isRunning = handshake.sleep(LONGEST_SLEEP_MS);
      continue;
    }
    const startNs = clock.now();
    for (let left = accesses; left > 0 && !handshake.isStopped();) left -= walkOn(left);
    done = pass;
    passes.finish(vcpu, pass, startNs, clock.now());
    handshake.ringDoorbell();
  }
}

/** Returns a function that makes the next batch, of at most `left` accesses, and returns how many it made. */
function walkerOf(parts: WalkerParts): (left: number) => number {
  const { guestSide, handshake, marks } = parts;
  const { memory, words, area } = guestSide;
  const core = new VcpuCore({ ...parts, memory, words, area, layers: [], countsFresh: false });
  return (left) => {
    const end = core.next(left);
    if (end === 'made') {
      handshake.poll();
      return core.accesses;
    }
    if (end !== 'full') throw new Error(`vCPU ${parts.vcpu} has nothing to do: ${end}`);
    if (!marks.ring!.announceStall()) return 0;
    handshake.ringDoorbell();
    handshake.sleep(LONGEST_SLEEP_MS);
    return 0;
  };
}
