import { GUEST_NS, vcpuAreaAt } from '../../guest/vcpu-state.ts';
import type { ZeroLog } from '../../guest/zeroing.ts';
import { type Balloon, type BalloonConfig, BalloonDriver } from '../../overcommit/balloon.ts';
import type { GuestGrant } from '../../overcommit/config.ts';
import type { OvercommittedMemory } from '../../overcommit/host.ts';
import type { InitialContents } from '../../overcommit/page-contents.ts';
import type { Resident } from '../../overcommit/resident.ts';
import type { SharedGuestSide } from '../common/guest-side.ts';
import type { RunConfig } from '../config.ts';
import type { VirtualCrew } from './crew.ts';
import type { VirtualGuest, VirtualPlace } from './guest.ts';

/** A guest of an overcommitted host. */
export interface OvercommittedGuestSpec {
  readonly name: string;
  /** Its memory, workloads and costs; the rest of the configuration has no effect. */
  readonly config: RunConfig;
  readonly grant: GuestGrant;
  /** `contents`: it has machine pages for what its memory holds at first; `all`: for all pages, as if it zeroed them. */
  readonly populate: 'contents' | 'all';
  /** How its balloon's driver works; without it, or without a memory manager in the guest, there is no balloon. */
  readonly balloon?: BalloonConfig;
  /** How long it takes to read a page from its own disk, to which it pages when its balloon leaves it too little. */
  readonly diskNs: number;
  /** The host that it starts on; without it, the first one. */
  readonly host?: string;
  /** When it starts and, unless it runs to the end, stops, on the host's clock. */
  readonly startNs: number;
  readonly stopNs?: number;
  /** How many pages it zeroes a second when it boots, before it does anything else; absent: it zeroes none. */
  readonly zeroesPerSecond?: number;
  /** When it resets: it boots anew and knows nothing of its balloon. It needs a memory manager. */
  readonly resetNs?: number;
}

/** A guest that has been given its memory. */
export interface OvercommittedGuest {
  readonly spec: OvercommittedGuestSpec;
  readonly guest: VirtualGuest;
  /** Where it lives now: its memory there, and what its host keeps of it. */
  side: SharedGuestSide;
  memory: OvercommittedMemory;
  resident: Resident;
  isRunning: boolean;
  /** Whether it was lost in a migration, so that there is nothing to prove. */
  isLost?: boolean;
  /** How many times it has moved, and what its memory manager zeroed at the places that it has left. */
  moves: number;
  pastZeroings: ZeroLog;
  /** Whether a migration is under way. */
  isMoving: boolean;
}

/** What a guest's memory holds at first. */
export const initialOf = ({ config }: OvercommittedGuestSpec): InitialContents => ({
  contents: config.guest.contents,
  seed: config.seed,
});

/** Has a host drive a guest at a place, which is its own now or which it moves to. */
export function drive(guest: VirtualGuest, place: VirtualPlace, resident: Resident): void {
  resident.guest = {
    // A place that the guest has not moved to for good has vCPUs that run already when it is moved by post-copy.
    advance: (toNs) => (guest.place === place ? guest.advance(toNs) : place.crew.advance(toNs)),
    isRunning: () => place.crew.isRunning(),
    guestNs: () => place.side.area[vcpuAreaAt(guest.plan, 0) + GUEST_NS]!,
    block: (ns) => place.crew.steal(ns),
  };
}

/** Gives a guest that lives at a place the driver of its balloon, if it has one. */
export function giveBalloon(
  spec: OvercommittedGuestSpec,
  place: VirtualPlace,
  resident: Resident,
): void {
  if (!spec.balloon || !spec.config.guest.memoryManager) return;
  const balloon = new BalloonDriver(spec.balloon, balloonOf(place.crew, resident));
  // A guest that has moved brings its balloon, which stays as it is until its new host wants another size.
  balloon.targetPages = balloon.pages;
  resident.balloon = balloon;
}

/** The balloon of a guest, to which each of its vCPUs contributes. */
function balloonOf(crew: VirtualCrew, { pages: hosted }: Resident): Balloon {
  return {
    size: () => crew.managers.reduce((sum, { balloonPages }) => sum + balloonPages, 0),
    empty: () => {
      for (const manager of crew.managers) manager.deflate(manager.balloonPages);
      for (let gfn = 0; gfn < hosted.memory.pages; gfn++) hosted.unballoon(gfn);
    },
    inflate: (pages) => crew.inflate(pages),
    deflate: (pages) => {
      let left = pages;
      for (const manager of crew.managers) {
        const own = Math.min(left, manager.balloonPages);
        if (own > 0) manager.deflate(own);
        left -= own;
      }
    },
  };
}
