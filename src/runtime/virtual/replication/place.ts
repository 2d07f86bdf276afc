import type { FullPlan } from '../../../guest/stream-plan.ts';
import { StreamVariants } from '../../../guest/stream-variants.ts';
import { DiskImage, DiskMirror } from '../../../replication/disk.ts';
import { type Emissions, GuestTap } from '../../../replication/guest-tap.ts';
import { NetBuffer } from '../../../replication/net-buffer.ts';
import type { PacketLedger } from '../../../replication/packet-ledger.ts';
import type { GateLayer } from '../../../memory/gate/gate-layer.ts';
import { PAGE_PROTECTED } from '../../../memory/kernels/abi.ts';
import { type GuestSide, openGuestSide, type SharedGuestSide } from '../../common/guest-side.ts';
import type { Costs } from '../../costs.ts';
import { TappedCrew } from './tapped-crew.ts';

export interface PlaceParts {
  /** The number of the host, from 0 on. */
  readonly host: number;
  readonly shared: SharedGuestSide;
  readonly plan: FullPlan;
  readonly emissions: Emissions;
  readonly costs: Costs;
  readonly ledger: PacketLedger;
}

/** A protected guest's memory, disk and vCPUs at one host. */
export class ProtectedPlace {
  readonly host: number;
  readonly shared: SharedGuestSide;
  readonly side: GuestSide;
  readonly crew: TappedCrew;
  readonly net: NetBuffer;
  readonly tap: GuestTap;
  readonly image: DiskImage | undefined;
  readonly mirror: DiskMirror | undefined;
  /** In which ways the guest at this place has gone, if it ran at two hosts at once (COLO). */
  readonly variants: StreamVariants;
  /** When its host died; Infinity while it lives. */
  diedNs = Infinity;
  /** When the guest began to run here; Infinity if it never has. */
  ranFromNs = Infinity;
  /** From then on it may not run here, because its lease is another host's. */
  fencedNs = Infinity;
  /** What saves pages before their first write here, if anything does; the vCPUs were given it at their creation. */
  copyOnWrite: GateLayer | undefined;

  constructor({ host, shared, plan, emissions, costs, ledger }: PlaceParts) {
    this.host = host;
    this.shared = shared;
    this.side = openGuestSide(shared);
    const layer: GateLayer = {
      bits: PAGE_PROTECTED,
      resolve: (...access) => this.copyOnWrite!.resolve(...access),
      settle: (nowNs) => this.copyOnWrite!.settle!(nowNs),
    };
    this.crew = new TappedCrew(this.side, plan, costs, { layers: [layer] });
    this.net = new NetBuffer((run, atNs) => ledger.note(host, run, atNs));
    const { disk } = emissions;
    this.image = disk && new DiskImage(disk.shape);
    this.mirror = disk && new DiskMirror(disk.shape);
    this.variants = new StreamVariants(this.side.memory, plan);
    const { image, mirror, variants } = this;
    this.tap = new GuestTap(this.side.memory, plan, emissions, {
      net: this.net,
      variants,
      ...(image ? { image } : {}),
      ...(mirror ? { mirror } : {}),
    });
    this.crew.attend(
      () => this.side.logReaders().makeRoom(),
      () => undefined,
    );
  }

  /** Lets the guest run here from now on; its vCPUs have been asked to. */
  begin(nowNs: number): void {
    this.crew.beginAt(nowNs, this.tap);
    this.ranFromNs = nowNs;
  }

  /** Until when the guest could run here, as far as is known now. */
  get ranToNs(): number {
    return Math.min(this.diedNs, this.fencedNs, this.crew.untilNs);
  }

  /** Whether the guest may run here now; it may stand still for a checkpoint. */
  isActive(nowNs: number): boolean {
    return this.ranFromNs <= nowNs && nowNs < this.ranToNs;
  }
}
