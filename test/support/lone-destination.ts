import type { ManagerConfig } from '../../src/guest/manager-config.ts';
import { gateBytes } from '../../src/memory/gate/page-gate.ts';
import { PAUSE } from '../../src/memory/handshake/words.ts';
import { pageStates } from '../../src/memory/page-states.ts';
import type { DestinationReport } from '../../src/migration/destination.ts';
import type { GuestSide } from '../../src/runtime/common/guest-side.ts';
import { FRAME, OPTIONAL_TYPE } from '../../src/wire/frame.ts';
import { FakeWorld, type FakeWorldOptions } from './fake-world.ts';
import { Peer } from './peer.ts';

/* A destination whose source is played by the test, frame by frame, and how it comes into each of its states. */

const MANAGER: ManagerConfig = {
  kernelPages: 1,
  used: [],
  cache: [],
  deflatePages: 1,
  cacheReclaimShare: 0,
  release: 'none',
};
export const PAGES = 8;
export const UNKNOWN_TYPE = 99;
/** The bit lets a receiver skip the frame, even if the rest of the number is that of PAGES. */
export const OPTIONAL = OPTIONAL_TYPE | FRAME.pages;

export type Lone = ReturnType<typeof open>;

/** A destination whose source is played by the test. */
export function open(options: FakeWorldOptions = {}) {
  const world = new FakeWorld({
    pages: PAGES,
    memoryManager: MANAGER,
    zeroShare: 0,
    bytesPerSecond: 1e9,
    latencyNs: 0,
    ringBytes: { forward: 128 * 1024, backward: 64 * 1024 },
    ...options,
  });
  const peer = new Peer<DestinationReport>(world, world.near, world.destinationHalf());
  return { world, peer };
}

export const post: Readonly<Record<string, (lone: Lone) => void>> = {
  HELLO: ({ peer, world }) => {
    const { integrity } = world.side.options;
    const body = { slots: [PAGES], pageSize: 4096, vcpus: 1, integrity };
    peer.control({ name: 'hello', body });
  },
  WELCOME: ({ peer }) => peer.control({ name: 'welcome', body: {} }),
  // Whoever wrote the pages where they may not be written would be noticed, because they differ each time.
  PAGES: ({ peer, world }) => {
    const { ram, layout } = world.source.memory.slots[0]!;
    ram[2 * layout.storedBytes + 3]! += 1;
    peer.pages(2, 2);
  },
  PART: ({ peer, world }) => {
    const { ram, layout } = world.source.memory.slots[0]!;
    ram[2 * layout.storedBytes + 3]! += 1;
    peer.part(2);
  },
  SWITCHOVER: ({ peer }) => peer.control(switchover(false)),
  'SWITCHOVER/2': ({ peer }) => peer.control(switchover(true)),
  STATE: ({ peer, world }) =>
    peer.control({ name: 'state', body: { vcpus: world.sourceGuest.vcpuState() } }),
  RUN: ({ peer }) => peer.control({ name: 'run', body: {} }),
  RUNNING: ({ peer }) =>
    peer.control({ name: 'running', body: { pagesNs: 1, stateNs: 2, runningNs: 3 } }),
  CANCEL: ({ peer }) => peer.control({ name: 'cancel', body: {} }),
  FAILED: ({ peer }) => peer.control({ name: 'failed', body: { message: 'no', ran: false } }),
  DISCARD: ({ peer }) => peer.ranges('discard', [2, 2]),
  REQUEST: ({ peer }) => peer.control({ name: 'request', body: { gfn: 2 } }),
  END: ({ peer }) => peer.control({ name: 'end', body: {} }),
  COMPLETE: ({ peer }) => peer.control({ name: 'complete', body: { presentNs: 4 } }),
  RELEASED: ({ peer }) => peer.ranges('released', [4, 1]),
  FREE: ({ peer }) => peer.ranges('free', [5, 2]),
  HINTED: ({ peer }) => peer.ranges('hinted', [5, 2]),
  RESUME: ({ peer }) => peer.control({ name: 'resume', body: {} }),
  RECEIVED: ({ peer }) => peer.ranges('received', [2, 2]),
  RESUMED: ({ peer }) => peer.control({ name: 'resumed', body: { presentPages: 2 } }),
  DEVICE: ({ peer }) => peer.device({ device: 0, part: 'initial', offset: 0, bytes: 64 }),
  SLOTS: ({ peer }) => peer.slots([2, 0]),
  ACK: ({ peer }) => peer.control({ name: 'ack', body: {} }),
  MISS: ({ peer }) => peer.control({ name: 'miss', body: { gfns: [] } }),
  FLUSH: ({ peer }) => peer.control({ name: 'flush', body: { number: 1 } }),
  SYNC: ({ peer }) => peer.control({ name: 'sync', body: { number: 1 } }),
  REFERENCE: ({ peer }) => peer.bare(FRAME.reference),
  UNKNOWN: ({ peer }) => peer.bare(UNKNOWN_TYPE),
  OPTIONAL: ({ peer }) => peer.bare(OPTIONAL),
};

function switchover(postcopy: boolean) {
  const body = { stoppedPages: 0, postcopy, absentPages: postcopy ? 2 : 0, buffered: false };
  return { name: 'switchover', body } as const;
}

/** The frames that lead to each state; `cut` loses the connection and makes a new one. */
export const PATHS: Readonly<Record<string, readonly string[]>> = {
  hello: [],
  receiving: ['HELLO'],
  discarded: ['HELLO', 'DISCARD'],
  state: ['HELLO', 'SWITCHOVER'],
  run: ['HELLO', 'SWITCHOVER', 'STATE'],
  partly: ['HELLO', 'DISCARD', 'SWITCHOVER/2', 'STATE', 'RUN'],
  whole: ['HELLO', 'DISCARD', 'SWITCHOVER/2', 'STATE', 'RUN', 'PAGES'],
  told: ['HELLO', 'DISCARD', 'SWITCHOVER/2', 'STATE', 'RUN', 'PAGES', 'END'],
  resume: ['HELLO', 'DISCARD', 'SWITCHOVER/2', 'STATE', 'RUN', 'cut'],
  lost: ['HELLO', 'cut'],
  failed: ['HELLO', 'WELCOME'],
  over: ['HELLO', 'SWITCHOVER', 'STATE', 'RUN'],
};

/** In these states the guest has run here. */
export const HAS_RUN = new Set(['partly', 'whole', 'told', 'resume', 'over']);

export function play(lone: Lone, frames: readonly string[]): void {
  for (const frame of frames) {
    if (frame === 'cut') lone.peer.reconnect();
    else post[frame]!(lone);
    lone.peer.pass(1e6);
  }
}

/** Brings a destination into a state; what it has said on the way is forgotten. */
export function inState(state: string, options: FakeWorldOptions = {}): Lone {
  const lone = open(options);
  play(lone, PATHS[state]!);
  lone.peer.names();
  return lone;
}

export function pageOf({ memory }: GuestSide, gfn: number): Buffer {
  const { ram, layout } = memory.slots[0]!;
  return Buffer.from(ram.slice(gfn * layout.storedBytes, (gfn + 1) * layout.storedBytes));
}

/** Whether the vCPUs here have been asked to run. */
export const runsHere = ({ target }: FakeWorld): boolean => Atomics.load(target.words, PAUSE) === 0;

/** All that a frame could change here but must not. */
export function memoryOf({ world }: Lone) {
  const [slot] = world.target.memory.slots;
  return {
    pages: Array.from({ length: PAGES }, (_, gfn) => pageOf(world.target, gfn).toString('latin1')),
    gates: gateBytes(slot!).join(),
    states: pageStates(slot!).join(),
    absent: world.targetGuest.presence.absent,
    loaded: world.targetGuest.loadedState,
    runs: runsHere(world),
  };
}

/** Returns the gfns of the pages here that are not what they were. */
export const changed = ({ pages }: ReturnType<typeof memoryOf>, lone: Lone): number[] => {
  const now = memoryOf(lone).pages;
  return [...now.keys()].filter((gfn) => now[gfn] !== pages[gfn]);
};
