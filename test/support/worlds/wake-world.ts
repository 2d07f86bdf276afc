import type { Clock } from '../../../src/clock/clock.ts';
import type { BatchEnd, VcpuCoreParts } from '../../../src/guest/vcpu-core.ts';
import { PAUSE, RUN, runSeenOf } from '../../../src/memory/handshake/words.ts';
import type { Algorithm, SourceGuest } from '../../../src/migration/ports.ts';
import type { GuestSide } from '../../../src/runtime/common/guest-side.ts';
import { modelAtomics, modelWords } from '../interleave/model-views.ts';
import type { Edit } from '../interleave/program.ts';
import { milestone, sharedBuffer, type World } from '../interleave/world.ts';
import {
  createSide,
  driveIn,
  type GuestProgram,
  openGuestProgram,
  openSide,
  planOf,
} from './guest-world.ts';

/**
 * Worlds of an engine that asks something of vCPUs which sleep whenever they have nothing to do. Nobody may sleep for
 * ever, so no wake-up may be lost on either side. The engine's thread is the program's driver with its doorbell, and a
 * vCPU's is the program's loop (guest/vcpu.ts) over its handshake; in place of the core, which makes accesses, there is
 * one that does only what is asked for. No sleep ends because its time is up.
 */
export type Asked =
  /** To pause; to go on after a pause; to pause and to go on. */
  | 'pause'
  | 'resume'
  | 'both'
  /** The same, and it is watched whether the vCPU accounts for the pause before its next access. */
  | 'account'
  /** To change the dirty map. */
  | 'epoch'
  /** To give free pages back to the host. */
  | 'release'
  /** To go on after it has been stunned. */
  | 'stun'
  /** To make room in a full dirty ring; here the vCPU asks, and the engine answers. */
  | 'room';

const [MADE, RESUMES] = [0, 1];

/** What the core of a vCPU does in a world. */
interface Script {
  /** Makes the next batch. */
  next(parts: VcpuCoreParts): BatchEnd;
}

/** The words of a world through which its threads are watched; the program knows nothing of them. */
interface Watched {
  words?: Int32Array;
  asked?: Asked;
}

/** Returns the program with vCPUs whose core follows the script of the world that is explored. */
export async function openWakeProgram(
  edits: readonly Edit[] = [],
): Promise<{ program: GuestProgram; watched: Watched }> {
  const watched: Watched = {};
  const scripts: Record<Asked, Script> = {
    pause: { next: () => 'idle' },
    resume: { next: () => 'idle' },
    both: { next: () => 'idle' },
    account: {
      next: ({ words, handshake }) => nextAfterPause(watched, words, handshake.local.writer),
    },
    epoch: { next: () => 'idle' },
    release: { next: () => 'idle' },
    stun: {
      next({ handshake }) {
        if (handshake.stunAfter() > 0 || modelAtomics.load(watched.words!, MADE) > 0) return 'idle';
        modelAtomics.store(watched.words!, MADE, 1);
        handshake.ringDoorbell();
        return 'made';
      },
    },
    room: { next: ({ marks, handshake }) => nextOfRing(watched, marks.ring!, handshake) },
  };
  class ScriptedCore {
    readonly zeroings = [];
    readonly guestNs = 0;
    readonly #parts: VcpuCoreParts;
    #passedNs = 0;

    constructor(parts: VcpuCoreParts) {
      this.#parts = parts;
    }

    pass(ns: number): void {
      this.#passedNs += ns;
    }

    forgetLag(): void {}
    miss(): void {}
    stall(): void {}
    manage(): void {}
    resolve(): void {}
    untilDueNs = (): number => Infinity;
    untilManagedNs = (): number => Infinity;
    giveBack = (): BatchEnd => 'idle';
    sendHint = (): boolean => false;
    next = (): BatchEnd => scripts[watched.asked!].next(this.#parts);

    attendManager(): void {
      const { handshake } = this.#parts;
      // The vCPU has just polled; as time stands still, all that it knows is in its handshake.
      milestone(handshake, this.#passedNs);
      const wanted = handshake.wantedRelease();
      if (wanted !== 0) handshake.reportReleased(wanted);
    }
  }
  const program = await openGuestProgram(edits, {
    files: ['guest/vcpu.ts'],
    replaced: { 'guest/vcpu-core.ts': { VcpuCore: ScriptedCore } },
  });
  return { program, watched };
}

/** A vCPU that runs after a resume must have accounted for the pause before it makes an access. */
function nextAfterPause({ words }: Watched, handshake: Int32Array, writer: number): BatchEnd {
  if (modelAtomics.load(words!, RESUMES) === 0) return 'idle';
  if (modelAtomics.load(handshake, runSeenOf(writer)) !== modelAtomics.load(handshake, RUN)) {
    throw new Error('a vCPU makes accesses before it has accounted for the pause');
  }
  return 'idle';
}

/** Pushes two entries into a ring that has room for one, and finds it full if it is. */
function nextOfRing(
  { words }: Watched,
  ring: NonNullable<VcpuCoreParts['marks']['ring']>,
  handshake: VcpuCoreParts['handshake'],
): BatchEnd {
  const made = modelAtomics.load(words!, MADE);
  if (made === 2) return 'idle';
  if (ring.room() === 0) return 'full';
  ring.push(Int32Array.of(made), 0, 1, 0, handshake.local.epoch);
  modelAtomics.store(words!, MADE, made + 1);
  if (made === 1) handshake.ringDoorbell();
  return 'made';
}

/** Time stands still, some time after the beginning. */
const clock: Clock = { now: () => 1000 };

export function wakeWorld(
  { program, watched }: { program: GuestProgram; watched: Watched },
  asked: Asked,
  vcpus = 1,
): World {
  watched.words = modelWords(sharedBuffer(64, (at) => ['made', 'resumes'][at / 4]!));
  watched.asked = asked;
  const own = watched.words;
  const shape = {
    log: asked === 'room' ? 'ring' : 'bitmap',
    vcpus,
    pages: 2,
    ringSize: 1,
  } as const;
  const shared = createSide(program, shape);
  if (asked === 'resume') modelWords(shared.handshake)[PAUSE] = 1;
  const engine = (): void => {
    const side = openSide(program, shared);
    const guest = new program.guests.SharedSourceGuest(side, planOf(vcpus), clock);
    const progress = { waits: 0 };
    const isSettled: Record<Asked, () => boolean> = {
      pause: () => guest.isSettled(),
      resume: () => guest.isSettled(),
      both: () => guest.isSettled(),
      account: () => guest.isSettled(),
      epoch: () => guest.isSettled(),
      release: () => side.engine.haveAllReleased(),
      stun: () => modelAtomics.load(own, MADE) === 1,
      room() {
        guest.isSettled();
        return modelAtomics.load(own, MADE) === 2;
      },
    };
    const settled = isSettled[asked];
    const algorithm = ASKING[asked]({ guest, side, own, progress, settled });
    driveIn(program, side, settled, algorithm, () => [progress, side.engine.epoch, guest]);
    side.engine.stop();
  };
  const vcpu = (number: number) => (): void => {
    const side = openSide(program, shared);
    const writer = number + 1;
    runVcpuOf(program)({
      vcpu: number,
      plan: planOf(vcpus),
      memory: side.memory,
      words: side.words,
      area: side.area,
      handshake: new program.handshake.WriterHandshake(side.words, writer, side.doorbell),
      marks: program.open.marksOf(shape.log, writer, side.rings),
      clock,
    });
  };
  const all = Array.from({ length: vcpus }, (_, v) => [`vCPU ${v}`, vcpu(v)] as const);
  return { threads: { engine, ...Object.fromEntries(all) } };
}

function runVcpuOf({ program }: GuestProgram): typeof import('../../../src/guest/vcpu.ts').runVcpu {
  return (program.load('guest/vcpu.ts') as typeof import('../../../src/guest/vcpu.ts')).runVcpu;
}

interface Asking {
  readonly guest: SourceGuest;
  readonly side: GuestSide;
  readonly own: Int32Array;
  /** How often the engine has begun to wait for something new. */
  readonly progress: { waits: number };
  readonly settled: () => boolean;
}

/** What the engine does in each world, as an algorithm. */
const ASKING: Record<Asked, (asking: Asking) => Algorithm<void>> = {
  *pause(asking) {
    asking.guest.pause();
    yield* settle(asking);
  },
  *resume(asking) {
    asking.guest.resume();
    yield* settle(asking);
  },
  *both(asking) {
    asking.guest.pause();
    yield* settle(asking);
    asking.guest.resume();
    yield* settle(asking);
  },
  *account(asking) {
    asking.guest.pause();
    yield* settle(asking);
    modelAtomics.store(asking.own, RESUMES, 1);
    asking.guest.resume();
    yield* settle(asking);
  },
  *epoch(asking) {
    const log = asking.guest.openLog();
    log.start();
    yield* settle(asking);
  },
  *release(asking) {
    asking.side.engine.release(1);
    yield* settle(asking);
  },
  *stun(asking) {
    asking.guest.stun(1);
    asking.guest.stun(0);
    yield* settle(asking);
  },
  *room(asking) {
    yield* settle(asking);
  },
};

function* settle({ progress, settled }: Asking): Algorithm<void> {
  progress.waits++;
  while (!settled()) yield { guest: true, untilNs: Infinity };
}
