import { PAUSE } from '../../../src/memory/handshake/words.ts';
import type { Algorithm } from '../../../src/migration/ports.ts';
import type { PresenceMap } from '../../../src/memory/presence/presence-map.ts';
import { modelWords } from '../interleave/model-views.ts';
import type { Edit } from '../interleave/program.ts';
import { milestone, type World } from '../interleave/world.ts';
import {
  createSide,
  driveIn,
  type GuestProgram,
  openGuestProgram,
  openSide,
  planOf,
  standing,
} from './guest-world.ts';

/**
 * A world of a guest that runs at the destination before its page has come: rule 6 of docs/memory-ordering.md. The page
 * comes twice, is installed as the destination's half does it, and every vCPU reads and writes it. The presence map,
 * the vCPUs' side of a fault, the handshake and the guest of the destination are the program's.
 */
export interface FaultOptions {
  readonly vcpus: number;
  /**
   * `pushed`: the vCPUs run, and the page comes at any time. `requested`: the engine lets the vCPUs run, sleeps on its
   * doorbell, and installs the page once it has heard of a fault. `stopped`: the page never comes, and the vCPUs are
   * told to end.
   */
  readonly page: 'pushed' | 'requested' | 'stopped';
  /** The first copy comes in part and is given up, as when its connection is lost; the next ones come whole. */
  readonly losesFirst?: boolean;
  /** A planted bug: the page is published before its bytes are written. */
  readonly publishesEarly?: boolean;
}

/** Loads the program, whose vCPUs look only once for their page before they sleep: looks that find nothing are alike. */
export function openFaultProgram(edits: readonly Edit[] = []): Promise<GuestProgram> {
  const one = { file: 'memory/presence/page-waiter.ts', from: 'SPINS = 2000', to: 'SPINS = 1' };
  return openGuestProgram([one, ...edits]);
}

function makeAbsent(presence: PresenceMap): void {
  presence.discard(0, 1);
  presence.begin();
}

const LONGEST_SLEEP_MS = 100;
/** What the page holds: nothing yet, a part that is given up, what was sent, or what vCPUs have made of it. */
const PARTIAL = 50;
const SENT = 100;

export function faultWorld(program: GuestProgram, options: FaultOptions): World {
  const { vcpus, page } = options;
  const shared = createSide(program, { log: 'none', vcpus, pages: 1 });
  const { ramOffset } = program.layout.slotLayout(shared.slots[0]!.geometry);
  const at = ramOffset >>> 2;
  const isPushed = page !== 'requested';
  const absent = openSide(program, shared);
  const early = new program.guests.SharedDestinationGuest(absent, planOf(vcpus), standing).presence;
  if (isPushed) makeAbsent(early);
  else modelWords(shared.handshake)[PAUSE] = 1;
  const engine = (): void => {
    const side = openSide(program, shared);
    if (page === 'stopped') {
      side.engine.stop();
      return;
    }
    const slot = side.memory.slots[0]!;
    const install = (presence: PresenceMap): void => {
      if (options.losesFirst && presence.claim(slot, 0)) {
        slot.words[at] = PARTIAL;
        presence.abandon(slot, 0);
      }
      for (let copy = 0; copy < 2; copy++) {
        if (!presence.claim(slot, 0)) continue;
        if (options.publishesEarly) presence.publish(slot, 0);
        for (let word = 0; word < vcpus; word++) slot.words[at + word] = SENT;
        if (!options.publishesEarly) presence.publish(slot, 0);
      }
    };
    if (isPushed) {
      // A map that is opened says that everything is there, so this thread gets a copy of the one that knows better.
      const known = Object.create(Object.getPrototypeOf(early) as object) as PresenceMap;
      install(Object.assign(known, early));
      return;
    }
    const guest = new program.guests.SharedDestinationGuest(side, planOf(vcpus), standing);
    makeAbsent(guest.presence);
    guest.run();
    const serve = function* (): Algorithm<void> {
      while (guest.faults().length === 0) yield { guest: true, untilNs: Infinity };
      install(guest.presence);
    };
    driveIn(
      program,
      side,
      () => guest.isSettled(),
      serve(),
      () => [guest],
    );
  };
  const vcpu = (number: number) => (): number => {
    const side = openSide(program, shared);
    const handshake = new program.handshake.WriterHandshake(side.words, number + 1, side.doorbell);
    const waiter = new program.pageWaiter.PageWaiter(side.memory, side.words, handshake);
    const slot = side.memory.slots[0]!;
    const { layout, words } = slot;
    const list = program.layout.accessListAt(layout, number + 1);
    while (!handshake.waitParked(LONGEST_SLEEP_MS)) milestone(handshake);
    while (slot.kernels.countPlain(list, 1, layout.gates) === 0) {
      if (handshake.isStopped()) return 0;
      const end = waiter.waitFor(slot, 0, LONGEST_SLEEP_MS);
      if (page === 'stopped' && end === 'came') throw new Error('a page came that was never sent');
    }
    const own = at + number;
    if (words[own] === 0) throw new Error('a vCPU touches a page whose bytes are not there');
    words[own]! += 1;
    return own;
  };
  const all = Array.from({ length: vcpus }, (_, v) => [`vCPU ${v}`, vcpu(v)] as const);
  return {
    threads: { engine, ...Object.fromEntries(all) },
    // Nobody but a vCPU that waits for its page sleeps where the page is pushed.
    ...(isPushed
      ? {
          ignores: (place: string) =>
            /^(?:doorbell|engine sleeps|wake |run|epoch|pause|state )/.test(place),
        }
      : {}),
    judge() {
      if (page === 'stopped') return undefined;
      const words = modelWords(shared.slots[0]!.memory.buffer);
      const lost = all.findIndex((_, v) => words[at + v] !== SENT + 1);
      return lost < 0 ? undefined : `a write of vCPU ${lost} was lost`;
    },
  };
}
