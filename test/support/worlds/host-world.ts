import { ASK_LEAVE } from '../../../src/memory/handshake/host-requests.ts';
import { PAGE_PROTECTED, PAGE_SWAPPED } from '../../../src/memory/kernels/abi.ts';
import type { Doorbell } from '../../../src/memory/doorbell.ts';
import { modelWords } from '../interleave/model-views.ts';
import type { Edit } from '../interleave/program.ts';
import { milestone, type World } from '../interleave/world.ts';
import {
  createSide,
  type GuestProgram,
  openGuestProgram,
  openSide,
  planOf,
} from './guest-world.ts';

const FILES = {
  pages: 'overcommit/guest-pages.ts',
  desk: 'overcommit/host-desk.ts',
  fence: 'memory/handshake/fence.ts',
  requests: 'memory/handshake/host-requests.ts',
  vcpuHost: 'overcommit/vcpu-host.ts',
} as const;

export interface HostProgram extends GuestProgram {
  readonly pages: typeof import('../../../src/overcommit/guest-pages.ts');
  readonly desk: typeof import('../../../src/overcommit/host-desk.ts');
  readonly fence: typeof import('../../../src/memory/handshake/fence.ts');
  readonly requests: typeof import('../../../src/memory/handshake/host-requests.ts');
  readonly vcpuHost: typeof import('../../../src/overcommit/vcpu-host.ts');
}

export async function openHostProgram(edits: readonly Edit[] = []): Promise<HostProgram> {
  const guest = await openGuestProgram(edits, { files: Object.values(FILES) });
  const own = Object.entries(FILES).map(
    ([name, file]) => [name, guest.program.load(file)] as const,
  );
  return { ...guest, ...Object.fromEntries(own) } as unknown as HostProgram;
}

/**
 * A world of a host that acts on the page of a guest while the guest's vCPUs run in threads of their own. What the page
 * holds is one word for each vCPU. The holds, the fence, the desk, the requests and the handshake are the program's; how
 * bytes are moved and compared is the test's.
 */
export interface HostOptions {
  readonly vcpus: number;
  /** `take`: the page goes to the store, and a pattern stays behind. `share`: it is shared, and a write copies it first. */
  readonly act: 'take' | 'share';
  /** How often the host does so, 1 when absent. */
  readonly times?: number;
  /** How often each vCPU writes, 1 when absent. */
  readonly writes?: number;
  /** How a vCPU comes to the page: by an access, or as the guest's disk does, which asks for the page first. */
  readonly by: 'access' | 'disk';
  /** The guest is paused between the first act and the second, and goes on after that. */
  readonly isPaused?: boolean;
}

const INITIAL = 100;
const LEFT_BEHIND = 50;
const OWN_PAGE = 7;
const SHARED_PAGE = 8;

export function hostWorld(program: HostProgram, options: HostOptions): World {
  const { vcpus, act, times = 1, writes = 1 } = options;
  const shared = createSide(program, { log: 'none', vcpus, pages: 1 });
  const { ramOffset } = program.layout.slotLayout(shared.slots[0]!.geometry);
  const at = ramOffset >>> 2;
  const ram = modelWords(shared.slots[0]!.memory.buffer);
  for (let vcpu = 0; vcpu < vcpus; vcpu++) ram[at + vcpu] = INITIAL;
  const first = openSide(program, shared);
  const initial = new program.pages.GuestPages(
    0,
    first.memory,
    first.words,
    { contents: [], seed: 1 },
    64,
    () => undefined,
  );
  initial.map(0, OWN_PAGE);
  initial.release(0);

  const host = (): void => {
    const side = openSide(program, shared);
    const slot = side.memory.slots[0]!;
    const state = { taken: [] as number[], left: times };
    const bell = Object.create(side.doorbell) as Doorbell;
    const fence = program.fence.epochFence(side.engine, bell, () => undefined);
    // A host that opens a guest's pages closes them all, so this thread gets the records of one that knows better.
    const pages = Object.assign(
      Object.create(Object.getPrototypeOf(initial) as object) as typeof initial,
      initial,
      {
        private$fence: fence,
        // The thread's function runs many times, and each time begins with a page that is there.
        machinePages: Int32Array.of(OWN_PAGE),
        swapSlots: Int32Array.of(program.pages.NONE),
      },
    );
    const bytes = (): number[] =>
      Array.from({ length: vcpus }, (_, vcpu) => slot.words[at + vcpu]!);
    const put = (values: readonly number[]): void => {
      for (const [vcpu, value] of values.entries()) slot.words[at + vcpu] = value;
    };
    const desk = new program.desk.HostDesk(side.words, vcpus, {
      pages,
      surrender: () => undefined,
      faults: {
        sampleNs: 0,
        fault: () => {
          put(state.taken);
          pages.map(0, OWN_PAGE);
          return 0;
        },
        write: () => {
          if (String(bytes()) !== String(state.taken))
            throw new Error('a shared page was written without a copy');
          put(state.taken);
          pages.unshare(0, OWN_PAGE);
          return 0;
        },
      },
    });
    bell.sequence = () => {
      milestone(desk, pages.machinePages[0], pages.allocated, pages.shared, state);
      return side.doorbell.sequence();
    };
    const actOnce = (): void => {
      if (state.left === 0) return;
      if (!pages.hold(0, act === 'take' ? PAGE_SWAPPED : PAGE_PROTECTED)) return;
      state.left--;
      pages.settle();
      state.taken = bytes();
      if (act === 'share') pages.share(0, SHARED_PAGE);
      else {
        put(state.taken.map(() => LEFT_BEHIND));
        pages.unmap(0);
      }
      pages.release(0);
    };
    if (options.isPaused) {
      actOnce();
      side.engine.pause();
      desk.serve(0);
      desk.serve(0);
      actOnce();
      side.engine.resume();
    }
    for (;;) {
      const sequence = bell.sequence();
      actOnce();
      // What is brought in may be accessed at the next look, since the store takes no time here.
      desk.serve(0);
      desk.serve(0);
      if (desk.haveAllLeft()) break;
      side.doorbell.wait(sequence, 100);
    }
    if (pages.shared > 0 && String(bytes()) !== String(state.taken)) {
      throw new Error('a shared page was written without a copy');
    }
    if (!pages.isResident(0)) put(state.taken);
    desk.dismiss();
  };

  const vcpu = (number: number) => (): number => {
    const side = openSide(program, shared);
    const handshake = new program.handshake.WriterHandshake(side.words, number + 1, side.doorbell);
    const own = at + number;
    const done = { writes: 0 };
    const caller = new program.requests.HostCaller(side.words, handshake, () => {
      milestone(handshake, done);
      return false;
    });
    const { memory, words } = side;
    const vcpuHost = new program.vcpuHost.VcpuHost({
      vcpu: number,
      plan: planOf(vcpus),
      memory,
      words,
      caller,
    });
    const slot = memory.slots[0]!;
    const list = program.layout.accessListAt(slot.layout, number + 1);
    const isStopped = (): boolean => slot.kernels.countPlain(list, 1, slot.layout.gates) === 0;
    while (!handshake.waitParked(100)) milestone(handshake, done);
    while (done.writes < writes) {
      if (options.by === 'disk') vcpuHost.own(slot, 0);
      else if (isStopped()) {
        vcpuHost.layers[0]!.resolve(slot, 0, true, 0);
        while (!handshake.waitParked(100)) milestone(handshake, done);
        continue;
      }
      slot.words[own]! += 1;
      done.writes++;
      while (!handshake.waitParked(100)) milestone(handshake, done);
    }
    caller.ask(ASK_LEAVE);
    return own;
  };
  const all = Array.from({ length: vcpus }, (_, v) => [`vCPU ${v}`, vcpu(v)] as const);
  return {
    threads: { host, ...Object.fromEntries(all) },
    judge() {
      const lost = all.findIndex((_, v) => ram[at + v] !== INITIAL + writes);
      return lost < 0 ? undefined : `a write of vCPU ${lost} was lost`;
    },
  };
}
