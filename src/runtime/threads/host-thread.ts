import type { Clock } from '../../clock/clock.ts';
import { monotonicClock } from '../../clock/monotonic.ts';
import { GUEST_NS, vcpuAreaAt } from '../../guest/vcpu-state.ts';
import { Doorbell } from '../../memory/doorbell.ts';
import { epochFence } from '../../memory/handshake/fence.ts';
import { TOUCHED } from '../../memory/handshake/words.ts';
import { gfnIsZero } from '../../memory/zero-page.ts';
import { OvercommittedMemory } from '../../overcommit/host.ts';
import type { Resident } from '../../overcommit/resident.ts';
import { HostDesk } from '../../overcommit/host-desk.ts';
import type { MemoryState } from '../../overcommit/memory-state.ts';
import { SharedBalloon } from '../../overcommit/shared-balloon.ts';
import { type GuestSide, openGuestSide } from '../common/guest-side.ts';
import { awaitStart } from './await-start.ts';
import { RunAborted } from './driver.ts';
import { RunWords } from './run-words.ts';
import type { HostedGuestTask, HostEnd, HostTask } from './tasks.ts';

/** No sleep is longer than this, so that a lost wake-up can't hang a run. */
const LONGEST_SLEEP_MS = 100;

/** A guest as the thread of its host drives it. */
interface ThreadGuest {
  readonly task: HostedGuestTask;
  readonly side: GuestSide;
  /** `leaving`: its vCPUs have been told to end. `left`: all have, and the host has put its pages back. */
  phase: 'waiting' | 'running' | 'leaving' | 'left';
  resident?: Resident;
  desk?: HostDesk;
  /** Until when it stands still, since it has too much memory in a host that has next to none; 0 while it runs. */
  blockedUntilNs: number;
}

/**
 * The thread of an overcommitted host in real time. It alone has the records of the host's memory (overcommit/host.ts).
 * The guests' vCPUs run in threads of their own meanwhile, and stop at the gates of pages for which the host must act.
 * The thread sleeps on its doorbell, which vCPUs ring with a request.
 */
export class HostThread {
  readonly #task: HostTask;
  readonly #words: RunWords;
  readonly #clock: Clock;
  readonly #doorbell: Doorbell;
  readonly #memory: OvercommittedMemory;
  readonly #guests: ThreadGuest[];
  readonly #states: { atNs: number; state: MemoryState }[] = [];
  readonly #problems: string[] = [];
  #originNs = 0;
  #steppedNs = 0;
  #savedPages = 0;
  #fences = 0;
  #longestFenceNs = 0;

  constructor(task: HostTask) {
    this.#task = task;
    this.#words = new RunWords(task.runWords);
    this.#clock = monotonicClock(task.clockOrigin);
    this.#doorbell = new Doorbell(new Int32Array(task.doorbell), 0);
    this.#memory = new OvercommittedMemory(task.config);
    this.#memory.onState = (state, atNs) => void this.#states.push({ atNs, state });
    this.#guests = task.guests.map((guest) => {
      const side = openGuestSide(guest.guestSide);
      return { task: guest, side, phase: 'waiting', blockedUntilNs: 0 };
    });
  }

  /** Lets the host live, until all of its guests have left. Throws RunAborted. */
  run(): HostEnd {
    this.#words.reportReady();
    awaitStart(this.#words, this.#doorbell);
    // To give the first guests their memory takes time, which does not count as life.
    for (const guest of this.#guests) if (guest.task.startNs <= 0) this.#admit(guest);
    this.#originNs = this.#clock.now();
    for (;;) {
      const sequence = this.#doorbell.sequence();
      this.#checkRun();
      const untilNs = this.#turn(this.#nowNs());
      if (untilNs === undefined) return this.#end();
      const leftNs = untilNs - this.#nowNs();
      if (leftNs > 0) this.#doorbell.wait(sequence, Math.min(leftNs / 1e6, LONGEST_SLEEP_MS));
    }
  }

  /** The host's time, which begins with its life. */
  #nowNs(): number {
    return this.#clock.now() - this.#originNs;
  }

  #checkRun(): void {
    if (this.#words.isAborted()) throw new RunAborted('the run was aborted');
  }

  /** Does what is due; returns when something is due next, unless a vCPU rings, or undefined when all guests have left. */
  #turn(nowNs: number): number | undefined {
    const isOver = nowNs >= this.#task.durationNs || this.#words.isCancelled();
    for (const guest of this.#guests) this.#lead(guest, nowNs, isOver);
    if (isOver && this.#areAllLeaving()) {
      this.#settleUp();
      return undefined;
    }
    let untilNs = isOver ? Infinity : this.#task.durationNs;
    for (const { desk, task, phase, blockedUntilNs } of this.#guests) {
      if (desk) untilNs = Math.min(untilNs, desk.serve(nowNs));
      if (blockedUntilNs > 0) untilNs = Math.min(untilNs, blockedUntilNs);
      if (phase === 'waiting') untilNs = Math.min(untilNs, task.startNs);
      if (phase === 'running') untilNs = Math.min(untilNs, task.stopNs ?? Infinity);
    }
    if (isOver) return untilNs;
    if (nowNs >= this.#memory.nextNs(this.#steppedNs)) this.#step(nowNs);
    return Math.min(untilNs, this.#memory.nextNs(this.#steppedNs));
  }

  #step(nowNs: number): void {
    for (const { side, resident } of this.#guests) {
      for (let left = Atomics.exchange(side.words, TOUCHED, 0); left > 0; left--) {
        resident!.sampler.touch();
      }
    }
    this.#memory.step(nowNs);
    this.#steppedNs = nowNs;
  }

  /** Starts, blocks, stops and dismisses a guest, as its time has come. */
  #lead(guest: ThreadGuest, nowNs: number, isOver: boolean): void {
    const { task, side } = guest;
    if (guest.phase === 'waiting' && nowNs >= task.startNs && !isOver) {
      if (!guest.resident) this.#admit(guest);
      guest.phase = 'running';
      side.engine.resume();
    }
    const mustStop = isOver || nowNs >= (task.stopNs ?? Infinity);
    if (guest.phase === 'running' && mustStop) {
      this.#unblock(guest);
      side.engine.stop();
      guest.phase = 'leaving';
    } else if (guest.phase === 'waiting' && isOver) {
      side.engine.stop();
      guest.phase = 'leaving';
      guest.desk ??= new HostDesk(side.words, task.plan.vcpus);
    }
    if (guest.blockedUntilNs > 0 && nowNs >= guest.blockedUntilNs) this.#unblock(guest);
    // At the end the guests leave together, so that the records are checked while they still hold all of them.
    if (guest.phase === 'leaving' && !isOver && guest.desk!.haveAllLeft()) {
      this.#problems.push(...this.#memory.problems());
      this.#memory.dismiss(guest.resident!);
      guest.desk!.dismiss();
      guest.phase = 'left';
    }
  }

  /** Gives a guest its memory; its vCPUs are still parked. */
  #admit(guest: ThreadGuest): void {
    const { task, side } = guest;
    const { engine, memory, words, area } = side;
    const checkRun = (): void => this.#checkRun();
    const fence = epochFence(engine, this.#doorbell, checkRun);
    const resident = this.#memory.admit(memory, words, task.grant, task.initial, () =>
      this.#time(fence),
    );
    const isAll = task.populate === 'all';
    this.#memory.populate(resident, (gfn) => isAll || !gfnIsZero(memory, gfn));
    resident.guest = {
      // Its vCPUs run by themselves.
      advance: () => undefined,
      isRunning: () => true,
      guestNs: () => area[vcpuAreaAt(task.plan, 0) + GUEST_NS]!,
      block: (ns) => this.#block(guest, ns),
    };
    if (task.balloon && task.plan.manager) {
      resident.balloon = new SharedBalloon(task.balloon, words, task.plan.vcpus);
    }
    guest.resident = resident;
    guest.desk = new HostDesk(words, task.plan.vcpus, {
      pages: resident.pages,
      faults: this.#memory.faultsOf(resident),
      surrender: (firstGfn, count) => {
        for (let i = 0; i < count; i++) this.#memory.free(resident.pages, firstGfn + i);
      },
    });
  }

  #time(fence: () => void): void {
    const startNs = this.#clock.now();
    fence();
    this.#fences++;
    this.#longestFenceNs = Math.max(this.#longestFenceNs, this.#clock.now() - startNs);
  }

  #block(guest: ThreadGuest, ns: number): void {
    if (guest.phase !== 'running') return;
    if (guest.blockedUntilNs === 0) guest.side.engine.pause();
    guest.blockedUntilNs = this.#nowNs() + ns;
  }

  #unblock(guest: ThreadGuest): void {
    if (guest.blockedUntilNs > 0) guest.side.engine.resume();
    guest.blockedUntilNs = 0;
  }

  #areAllLeaving(): boolean {
    return this.#guests.every(({ phase, desk }) => phase === 'left' || desk!.haveAllLeft());
  }

  /** Checks the records and puts back what is swapped out, now that no vCPU makes accesses any more. */
  #settleUp(): void {
    this.#problems.push(...this.#memory.problems());
    this.#savedPages = this.#memory.sharing?.savedPages ?? 0;
    for (const { resident, desk, phase } of this.#guests) {
      if (phase === 'left') continue;
      if (resident) this.#memory.paging.restore(resident.pages);
      desk!.dismiss();
    }
  }

  #end(): HostEnd {
    const { sharing, paging, swap } = this.#memory;
    const { device } = swap;
    return {
      problems: this.#problems,
      sharing: sharing?.counts,
      savedPages: this.#savedPages,
      paging: paging.counts,
      readBytes: device.readBytes,
      writtenBytes: device.writtenBytes,
      states: this.#states,
      fences: this.#fences,
      longestFenceNs: this.#longestFenceNs,
      endedNs: this.#nowNs(),
    };
  }
}
