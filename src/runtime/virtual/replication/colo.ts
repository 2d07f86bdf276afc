import type { VirtualClock } from '../../../clock/virtual.ts';
import type { FullPlan } from '../../../guest/stream-plan.ts';
import { Comparer } from '../../../replication/colo/comparer.ts';
import type { ColoConfig } from '../../../replication/colo/config.ts';
import { SeededDivergence } from '../../../replication/colo/divergence.ts';
import { packetSum } from '../../../replication/colo/packets.ts';
import type {
  ColoPrimarySide,
  ColoSecondarySide,
  SecondaryGuest,
} from '../../../replication/colo/ports.ts';
import type { PrimarySide } from '../../../replication/ports.ts';
import type { PacketDiversion, PacketRun } from '../../../replication/net-buffer.ts';
import { SharedSourceGuest } from '../../common/guests.ts';
import type { Costs } from '../../costs.ts';
import { type VirtualDestinationGuest, VirtualSourceGuest } from '../guests.ts';
import type { ProtectedPlace } from './place.ts';

interface ColoPartsOptions {
  readonly colo: ColoConfig;
  readonly from: ProtectedPlace;
  readonly to: ProtectedPlace;
  readonly plan: FullPlan;
  /** That of the secondary. */
  readonly clock: VirtualClock;
  readonly costs: Costs;
  /** Lets the primary's guest live up to now. */
  readonly live: () => void;
}

/** Keeps the packets of the secondary's guest until its half tells the primary of them; none leaves from here. */
class Outbox implements PacketDiversion {
  #runs: PacketRun[] = [];

  send(run: PacketRun): void {
    this.#runs.push(run);
  }

  take(): readonly PacketRun[] {
    return this.#runs.splice(0);
  }
}

/** What a pair of hosts has for COLO: the comparer at the primary, and the guest that runs at the secondary. */
export class ColoParts {
  readonly comparer: Comparer;
  readonly primary: Omit<ColoPrimarySide, keyof PrimarySide>;
  readonly secondary: Pick<
    ColoSecondarySide,
    | 'colo'
    | 'streams'
    | 'advance'
    | 'takeOutputs'
    | 'sumOf'
    | 'onLoad'
    | 'keepWrites'
    | 'onTakeOver'
  >;
  readonly #options: ColoPartsOptions;
  readonly #outbox = new Outbox();
  readonly #divergence: SeededDivergence;
  readonly #guest: VirtualSourceGuest;
  #isSettled: () => boolean = () => true;
  #livedNs = 0;
  #hasBegun = false;
  #hasTakenOver = false;

  constructor(options: ColoPartsOptions) {
    this.#options = options;
    const { colo, from, to, plan, clock, costs, live } = options;
    this.comparer = new Comparer({
      hold: (run) => from.net.hold(run),
      release: (run, atNs) => from.net.pass(run, atNs),
      sumOf: (stream, number) => sumAt(from, stream, number),
    });
    this.primary = {
      colo,
      comparer: this.comparer,
      streams: plan.streams.length,
      advance: live,
      variants: () => from.variants.current,
    };
    this.#guest = new VirtualSourceGuest(
      new SharedSourceGuest(to.side, plan, clock),
      to.crew,
      clock,
      costs,
    );
    const { memory } = to.side;
    const { divergence: share, seed } = colo;
    const { variants } = to;
    this.#divergence = new SeededDivergence({ memory, plan, variants, share, seed });
    to.net.diversion = this.#outbox;
    this.secondary = {
      colo,
      streams: plan.streams.length,
      advance: () => this.#advance(),
      takeOutputs: () => this.#outbox.take(),
      sumOf: (stream, number) => sumAt(to, stream, number),
      onLoad: (loaded) => this.#loaded(loaded),
      keepWrites: () => this.#keepWrites(),
      onTakeOver: () => this.#takeOver(),
    };
  }

  /** Whether the secondary's guest has done what its half has asked for. */
  isSettled(): boolean {
    return this.#isSettled();
  }

  /** Brings the disk of a secondary to the state of its guest, for the proof at the end. */
  settle(): void {
    this.#keepWrites();
  }

  /** Returns the secondary's guest, whose state is loaded as that of a migration's destination is. */
  guestOver(destination: VirtualDestinationGuest): SecondaryGuest {
    const guest = this.#guest;
    const { memory, vcpus } = destination;
    const ask = (isAnswered: () => boolean, question: () => void): void => {
      this.#isSettled = isAnswered;
      question();
    };
    const bySource = (): boolean => guest.isSettled();
    return {
      memory,
      vcpus,
      load: (states) => destination.load(states),
      openLog: () => {
        const log = guest.openLog();
        return {
          ...log,
          start: () => ask(bySource, log.start),
          stop: () => ask(bySource, log.stop),
        };
      },
      pause: () => ask(bySource, () => guest.pause()),
      run: () => {
        ask(
          () => destination.areRunning(),
          () => destination.run(),
        );
        this.#livedNs = this.#options.clock.now();
      },
      isSettled: () => this.#isSettled(),
    };
  }

  /** The vCPUs lose the share of the time by which their host is slower, and then live up to now. */
  #advance(): void {
    const { clock, colo, to } = this.#options;
    const nowNs = clock.now();
    if (!this.#hasTakenOver && nowNs > this.#livedNs) {
      to.crew.steal((nowNs - this.#livedNs) * (1 - colo.secondaryShare));
    }
    this.#livedNs = nowNs;
    this.#guest.live();
    if (!this.#hasTakenOver) this.#divergence.draw();
  }

  #loaded(variants: readonly number[]): void {
    const { from, to, clock } = this.#options;
    to.variants.load(variants, from.variants.divergences);
    to.tap.overlay = [];
    this.#outbox.take();
    this.#divergence.adopt();
    if (this.#hasBegun) to.tap.adopt();
    else to.crew.beginAt(clock.now(), to.tap);
    this.#hasBegun = true;
  }

  #keepWrites(): number {
    const { tap } = this.#options.to;
    const writes = tap.overlay ?? [];
    tap.overlay = undefined;
    for (const write of writes) tap.write(write);
    return writes.length;
  }

  #takeOver(): void {
    this.#hasTakenOver = true;
    this.#options.to.net.diversion = undefined;
  }
}

/** Returns the sum of a packet's contents as the guest at a place has sent it. */
function sumAt({ tap, variants }: ProtectedPlace, stream: number, number: number) {
  return packetSum(stream, number, variants.at(stream, number * tap.everyOf(stream)));
}
