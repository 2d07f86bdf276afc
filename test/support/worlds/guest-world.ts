import type { FullPlan } from '../../../src/guest/stream-plan.ts';
import type { DirtyLogKind } from '../../../src/memory/dirty-logs/dirty-log.ts';
import { wantedOf } from '../../../src/memory/handshake/words.ts';
import type { Doorbell } from '../../../src/memory/doorbell.ts';
import type { Algorithm } from '../../../src/migration/ports.ts';
import type { GuestSide, SharedGuestSide } from '../../../src/runtime/common/guest-side.ts';
import { modelWords } from '../interleave/model-views.ts';
import { type Edit, openProgram, type Program } from '../interleave/program.ts';
import { milestone, nameBytes, sharedBuffer } from '../interleave/world.ts';

/** The parts of the program of which the worlds of a guest consist, with their text as it is but for planted bugs. */

const FILES = {
  access: 'guest/access.ts',
  doorbell: 'memory/doorbell.ts',
  driver: 'runtime/threads/driver.ts',
  guests: 'runtime/common/guests.ts',
  handshake: 'memory/handshake/writer.ts',
  layout: 'memory/layout.ts',
  noLink: 'link/no-link.ts',
  open: 'memory/dirty-logs/open.ts',
  side: 'runtime/common/guest-side.ts',
  pageWaiter: 'memory/presence/page-waiter.ts',
} as const;

/** The exports of the loaded files, by the names above. */
export interface GuestProgram {
  readonly program: Program;
  readonly access: typeof import('../../../src/guest/access.ts');
  readonly doorbell: typeof import('../../../src/memory/doorbell.ts');
  readonly driver: typeof import('../../../src/runtime/threads/driver.ts');
  readonly guests: typeof import('../../../src/runtime/common/guests.ts');
  readonly handshake: typeof import('../../../src/memory/handshake/writer.ts');
  readonly layout: typeof import('../../../src/memory/layout.ts');
  readonly noLink: typeof import('../../../src/link/no-link.ts');
  readonly open: typeof import('../../../src/memory/dirty-logs/open.ts');
  readonly side: typeof import('../../../src/runtime/common/guest-side.ts');
  readonly pageWaiter: typeof import('../../../src/memory/presence/page-waiter.ts');
}

/** The kernels in WASM can't run over memory of the model; worlds open slots with their twin. */
const NO_WASM = {
  'memory/kernels/load.ts': {
    loadKernels: () => {
      throw new Error('the model has no WASM kernels');
    },
  },
};

/** Loads the program with these bugs planted; `more` are further files, and modules that stand in for others. */
export async function openGuestProgram(
  edits: readonly Edit[] = [],
  more: { files?: readonly string[]; replaced?: Readonly<Record<string, object>> } = {},
): Promise<GuestProgram> {
  const program = await openProgram({
    files: [...Object.values(FILES), ...(more.files ?? [])],
    edits,
    replaced: { ...NO_WASM, ...more.replaced },
  });
  const loaded = Object.entries(FILES).map(([name, file]) => [name, program.load(file)] as const);
  return { program, ...Object.fromEntries(loaded) } as unknown as GuestProgram;
}

/** The guest of a world. */
export interface GuestShape {
  readonly log: DirtyLogKind;
  readonly vcpus: number;
  readonly pages: number;
  /** The entries of each vCPU's dirty ring. */
  readonly ringSize?: number;
}

const HANDSHAKE =
  'epoch,mode,pause,stop,run,gate,doorbell,engine sleeps,stun,release,ballooning,touched,target'.split(
    ',',
  );
const WRITER =
  'state,acknowledged,wake,throttle,run seen,wanted,released,request,request gfn,request pages,answer,balloon,asleep'.split(
    ',',
  );
const FIRST_WRITER = wantedOf(0) - WRITER.indexOf('wanted');
const WRITER_WORDS = wantedOf(1) - wantedOf(0);

function nameHandshake(at: number): string {
  const word = at / 4;
  if (word < FIRST_WRITER) return HANDSHAKE[word]!;
  const writer = Math.floor((word - FIRST_WRITER) / WRITER_WORDS);
  return `${WRITER[(word - FIRST_WRITER) % WRITER_WORDS]} of writer ${writer}`;
}

/** Creates a guest's side in the memory of a world that is being set up; all of its vCPUs are parked. */
export function createSide(
  { side, layout }: GuestProgram,
  { log, vcpus, pages, ringSize = 2 }: GuestShape,
): SharedGuestSide {
  const geometry = {
    pages,
    pageSize: 4096,
    writers: vcpus + 1,
    streams: vcpus,
    tableBytes: 0,
    skewPages: 0,
    mapUnit: log === 'bytemap' ? 'byte' : 'bit',
  } as const;
  const slot = layout.slotLayout(geometry);
  const memory = { buffer: sharedBuffer(slot.totalBytes, (at) => nameSlot(at)) };
  const nameSlot = (at: number): string => {
    if (at >= slot.ramOffset) {
      const byte = (at - slot.ramOffset) % 4096;
      return `page ${Math.floor((at - slot.ramOffset) / 4096)} + ${byte}`;
    }
    if (at >= slot.gates && at < slot.gates + pages) return `gates from ${at - slot.gates} on`;
    if (at === slot.sharedMap) return 'the shared map';
    for (let w = 0; w <= vcpus; w++) {
      for (const half of [0, 1]) {
        if (at === layout.writerMapAt(slot, w, half)) return `map ${half} of writer ${w}`;
      }
    }
    return `byte ${at} of the slot`;
  };
  const words = modelWords(memory.buffer);
  for (let vcpu = 0; vcpu < vcpus; vcpu++)
    writeStream(words, layout.streamAt(slot, vcpu), vcpu, slot, pages);
  const shared = side.guestSideOver([{ memory, geometry, isFresh: true }], planOf(vcpus), {
    kind: log,
    ringSize,
  });
  nameBytes(shared.handshake, nameHandshake);
  nameBytes(shared.vcpuArea, (at) => `word ${at / 4} of the vCPUs' area`);
  if (shared.rings) {
    nameBytes(shared.rings.buffer, (at) => {
      const word = (at / 4) % (16 + ringSize);
      const name = ['head', 'tail', 'waiting', 'stalls'][word] ?? `entry ${word - 16}`;
      return `${name} of ring ${Math.floor(at / 4 / (16 + ringSize))}`;
    });
  }
  return shared;
}

/** Writes the record of a stream that writes page after page, each time adding 1 to a word that is the stream's own. */
function writeStream(
  words: Int32Array,
  record: number,
  vcpu: number,
  { pageShift, ramOffset }: { pageShift: number; ramOffset: number },
  pages: number,
): void {
  const fields = {
    [40]: pages,
    [64]: 1,
    [68]: 8 * vcpu,
    [72]: 0,
    [84]: pageShift,
    [88]: ramOffset,
  };
  for (const [at, value] of Object.entries(fields)) words[(record + Number(at)) >>> 2] = value;
}

/** A plan of vCPUs without workloads: the worlds make the accesses themselves. */
export function planOf(vcpus: number): FullPlan {
  return { vcpus, workloads: [], streams: [], tables: [] };
}

/** Opens a side in a thread of a world. */
export function openSide({ side }: GuestProgram, shared: SharedGuestSide): GuestSide {
  return side.openGuestSide(shared, 'twin');
}

/** Time stands still in a world unless it has a clock of its own. */
export const standing = { now: () => 0 };

/**
 * Drives an algorithm in a thread of a world as a thread of a run does, but without polling the doorbell. `state` says
 * what the algorithm depends on between two waits.
 */
export function driveIn<Result>(
  { driver, noLink }: GuestProgram,
  { doorbell }: Pick<GuestSide, 'doorbell'>,
  isGuestSettled: () => boolean,
  algorithm: Algorithm<Result>,
  state: () => readonly unknown[],
): Result {
  // Before it takes the sequence, a driver knows nothing but what its algorithm waits for.
  const bell = Object.create(doorbell) as Doorbell;
  bell.sequence = () => {
    milestone(...state());
    return doorbell.sequence();
  };
  return driver.drive(algorithm, {
    clock: standing,
    link: noLink.noLink,
    doorbell: bell,
    isGuestSettled,
    isCancelled: () => false,
    isAborted: () => false,
    spins: () => 0,
  });
}
