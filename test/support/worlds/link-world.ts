import type { Link } from '../../../src/link/link.ts';
import type { SharedRing } from '../../../src/link/ring.ts';
import type { Algorithm } from '../../../src/migration/ports.ts';
import { modelWords } from '../interleave/model-views.ts';
import { type Edit, openProgram } from '../interleave/program.ts';
import { milestone, sharedBuffer, type World } from '../interleave/world.ts';

/**
 * Worlds of the two ends of a link: the rings, the link over them, the doorbells, the drivers, and the line between two
 * connections are the program's. Of a frame there is one word, so that its codec is left out. No time passes.
 */
export interface LinkProgram {
  readonly doorbell: typeof import('../../../src/memory/doorbell.ts');
  readonly driver: typeof import('../../../src/runtime/threads/driver.ts');
  readonly line: typeof import('../../../src/link/line.ts');
  readonly link: typeof import('../../../src/link/link.ts');
  readonly ringLink: typeof import('../../../src/link/ring-link.ts');
}

const FILES: Record<keyof LinkProgram, string> = {
  doorbell: 'memory/doorbell.ts',
  driver: 'runtime/threads/driver.ts',
  line: 'link/line.ts',
  link: 'link/link.ts',
  ringLink: 'link/ring-link.ts',
};

export async function openLinkProgram(edits: readonly Edit[] = []): Promise<LinkProgram> {
  const program = await openProgram({
    files: Object.values(FILES),
    edits,
    replaced: {
      'memory/kernels/load.ts': { loadKernels: () => ({}) },
      'memory/memory-pool.ts': {},
      'wire/frame.ts': {
        WireError: Error,
        openFrame: (memory: object, controlAt: number) => ({ memory, controlAt }),
      },
    },
  });
  const loaded = Object.entries(FILES).map(([name, file]) => [name, program.load(file)] as const);
  return Object.fromEntries(loaded) as unknown as LinkProgram;
}

const FRAME_BYTES = 4;
/** Room for the frames of a world one after another. */
const CAPACITY = 256;
const HEADER = 4096;
const WORDS: Readonly<Record<number, string>> = {
  0: 'head',
  64: 'tail',
  128: 'waiting',
  160: 'closed',
};

export interface LinkWorld {
  readonly rings: { readonly forward: SharedRing; readonly backward: SharedRing };
  readonly bells: SharedArrayBuffer;
  readonly line: SharedArrayBuffer;
}

/** Creates what the two ends of a link share. */
export function createLink(): LinkWorld {
  const ring = (name: string): SharedRing => ({
    memory: {
      buffer: sharedBuffer(
        HEADER + CAPACITY,
        (at) => `${WORDS[at] ?? `byte ${at - HEADER}`} of ${name}`,
      ),
    },
    capacity: CAPACITY,
  });
  return {
    rings: { forward: ring('the way there'), backward: ring('the way back') },
    bells: sharedBuffer(16, (at) => {
      return `${at % 8 === 0 ? 'doorbell' : 'sleeper'} of the ${at < 8 ? 'near' : 'far'} end`;
    }),
    line: sharedBuffer(
      12,
      (at) => ['the line', 'what the near end has let go', 'what the far end has let go'][at / 4]!,
    ),
  };
}

/** Time stands still. */
const clock = { now: () => 0 };

/** Opens one end of the link in a thread; the ring is full for it with a frame under way, or more than `mostQueued` bytes. */
export function openEnd(
  { ringLink, doorbell }: LinkProgram,
  { rings, bells, line }: LinkWorld,
  side: 'near' | 'far',
  mostQueued = 0,
): Link {
  const isNear = side === 'near';
  const link = ringLink.ringLink({
    clock,
    outgoing: isNear ? rings.forward : rings.backward,
    incoming: isNear ? rings.backward : rings.forward,
    peerDoorbell: new doorbell.Doorbell(modelWords(bells), isNear ? 2 : 0),
    bytesPerSecond: Infinity,
    latencyNs: 0,
    line: { shared: line, side },
  });
  link.lookahead({ ns: 0, bytes: mostQueued });
  return link;
}

/** Drives an algorithm at one end, which sleeps on its doorbell. */
export function driveEnd<Result>(
  { driver, doorbell }: LinkProgram,
  { bells }: LinkWorld,
  side: 'near' | 'far',
  link: Link,
  algorithm: Algorithm<Result>,
  state: () => readonly unknown[],
): Result {
  const real = new doorbell.Doorbell(modelWords(bells), side === 'near' ? 0 : 2);
  const bell = Object.create(real) as typeof real;
  bell.sequence = () => {
    milestone(link, ...state());
    return real.sequence();
  };
  return driver.drive(algorithm, {
    clock,
    link,
    doorbell: bell,
    isGuestSettled: () => false,
    isCancelled: () => false,
    isAborted: () => false,
    spins: () => 0,
  });
}

/** Posts a frame that holds a number, which is not 0; false while there is no room. */
export function post(link: Link, value: number): boolean {
  const room = link.room(FRAME_BYTES, 'pages');
  if (!room) return false;
  room.memory.view.setUint32(room.at, value, true);
  link.post(FRAME_BYTES);
  return true;
}

/** Returns the number that the next frame holds; undefined while there is none. */
export function poll(link: Link): number | undefined {
  const frame = link.poll();
  return frame?.memory.view.getUint32(frame.controlAt, true);
}

/**
 * A world whose near end sends so many frames to the far end, each end asleep whenever it has to wait. Frames that go
 * round the ring's end need `mostQueued` to be two frames or more, as what is skipped there counts as queued.
 */
export function framesWorld(program: LinkProgram, frames: number, mostQueued = 0): World {
  const shared = createLink();
  const sender = (): void => {
    const link = openEnd(program, shared, 'near', mostQueued);
    const progress = { sent: 0 };
    const send = function* (): Algorithm<void> {
      while (progress.sent < frames) {
        if (post(link, progress.sent + 1)) progress.sent++;
        else yield { credit: 'pages', untilNs: Infinity };
      }
    };
    driveEnd(program, shared, 'near', link, send(), () => [progress]);
  };
  const receiver = (): void => {
    const link = openEnd(program, shared, 'far');
    const progress = { received: 0 };
    const receive = function* (): Algorithm<void> {
      while (progress.received < frames) {
        const value = poll(link);
        if (value === undefined) yield { frame: true, untilNs: Infinity };
        else if (value !== ++progress.received) {
          throw new Error(`frame ${progress.received} reads ${value}`);
        }
      }
      link.release();
    };
    driveEnd(program, shared, 'far', link, receive(), () => [progress]);
  };
  return { threads: { sender, receiver } };
}

/**
 * A world whose connection is cut while the near end sends; the network makes a new one as soon as it may. Over each
 * connection the sender sends frames that bear its number, and so long as a receiver has seen no loss it must read those
 * of its own connection, in order. The ends look again and again, or with `sleeps` sleep on their doorbells.
 */
export function lineWorld(program: LinkProgram, { sleeps }: { sleeps: boolean }): World {
  const frames = 1;
  const shared = createLink();
  const { ConnectionLost } = program.link;
  /** Returns whether the connection was lost, and goes over to the next one. */
  const guarded = function* (link: Link, act: () => Algorithm<void>): Algorithm<boolean> {
    try {
      yield* act();
      return false;
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error;
      while (!link.canReconnect()) yield { connection: true, untilNs: Infinity };
      link.reconnect();
      return true;
    }
  };
  const end = (
    side: 'near' | 'far',
    act: (link: Link, at: { connection: number; frames: number }) => Algorithm<void>,
  ): void => {
    const link = openEnd(program, shared, side);
    const at = { connection: 0, frames: 0 };
    const run = function* (): Algorithm<void> {
      while (yield* guarded(link, () => act(link, at))) {
        at.connection++;
        at.frames = 0;
      }
    };
    const algorithm = run();
    if (sleeps) driveEnd(program, shared, side, link, algorithm, () => [at]);
    else while (!algorithm.next('frame').done) milestone(link, at);
  };
  const sender = (): void =>
    end('near', function* (link, at) {
      while (at.frames < frames || at.connection === 0) {
        if (at.frames < frames && post(link, 10 * (at.connection + 1) + at.frames)) at.frames++;
        else yield { credit: 'pages', frame: true, untilNs: Infinity };
        // A poll tells of a lost connection.
        link.poll();
      }
    });
  const receiver = (): void =>
    end('far', function* (link, at) {
      while (at.frames < frames || at.connection === 0) {
        const value = poll(link);
        if (value === undefined) yield { frame: true, untilNs: Infinity };
        else if (value !== 10 * (at.connection + 1) + at.frames++) {
          throw new Error(`over connection ${at.connection} frame ${at.frames} reads ${value}`);
        }
      }
    });
  const network = (): void => {
    const { Line } = program.line;
    const line = new Line(shared.line, [shared.rings.forward, shared.rings.backward]);
    const wakeBoth = (): void => {
      for (const at of [0, 2]) new program.doorbell.Doorbell(modelWords(shared.bells), at).ring();
    };
    line.cut();
    wakeBoth();
    do milestone('the connection is lost');
    while (!line.restore());
    wakeBoth();
  };
  return {
    threads: { sender, receiver, network },
    ...(sleeps ? {} : { ignores: (place: string) => /^(?:doorbell|sleeper)/.test(place) }),
  };
}
