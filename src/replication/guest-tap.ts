import type { GuestPlan } from '../guest/stream-plan.ts';
import { readAccesses, slotOfStream } from '../guest/stream-record.ts';
import type { StreamVariants } from '../guest/stream-variants.ts';
import type { VcpuState } from '../guest/vcpu-state.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { type DiskImage, type DiskMirror, type DiskShape, diskWrite } from './disk.ts';
import type { NetBuffer } from './net-buffer.ts';
import type { BlockWrite } from '../wire/epoch-blocks.ts';

/** What the streams of a workload do besides accesses: at every `every`-th access of a stream. */
export interface Emission {
  readonly workload: number;
  readonly every: number;
}

/** Each of these accesses sends a packet of so many bytes. */
export interface PacketEmission extends Emission {
  readonly bytes: number;
}

/** What a guest sends and writes to its disk, as a function of its accesses alone. */
export interface Emissions {
  readonly packets: readonly PacketEmission[];
  /** Each of these accesses writes a block of the disk. */
  readonly disk?: { readonly shape: DiskShape; readonly writes: readonly Emission[] };
}

/** A stream that emits something, and its place among those that do. */
export interface EmittingStream<Kind extends Emission> {
  readonly stream: number;
  readonly place: number;
  /** How many there are. */
  readonly places: number;
  readonly emission: Kind;
}

/** Returns the streams of a plan that emit. */
export function emittingStreams<Kind extends Emission>(
  plan: GuestPlan,
  emissions: readonly Kind[],
): EmittingStream<Kind>[] {
  return emissions
    .flatMap((emission) =>
      plan.streams.flatMap(({ workload }, stream) =>
        workload === emission.workload ? [{ stream, emission }] : [],
      ),
    )
    .map((one, place, all) => ({ ...one, place, places: all.length }));
}

/** Returns how many accesses a stream had made in a state of the vCPUs. */
export function accessesIn(vcpus: readonly VcpuState[], stream: number): number {
  for (const { streams } of vcpus) {
    const found = streams.find((one) => one.stream === stream);
    if (found) return found.n;
  }
  return 0;
}

/** Returns how many emissions so many accesses make. */
export const emittedBy = (accesses: number, { every }: Emission): number =>
  Math.floor(accesses / every);

/** Returns how many packets each stream had sent in a state of the vCPUs. */
export const packetsSentIn = (
  plan: GuestPlan,
  packets: readonly PacketEmission[],
  vcpus: readonly VcpuState[],
): ReadonlyMap<number, number> =>
  new Map(
    emittingStreams(plan, packets).map(({ stream, emission }) => [
      stream,
      emittedBy(accessesIn(vcpus, stream), emission),
    ]),
  );

/** Watches the streams of a guest at one place, and makes what they emit. */
export class GuestTap {
  readonly net: NetBuffer;
  readonly image: DiskImage | undefined;
  readonly #memory: GuestMemory;
  readonly #plan: GuestPlan;
  readonly #mirror: DiskMirror | undefined;
  readonly #senders: readonly EmittingStream<PacketEmission>[];
  readonly #writers: readonly EmittingStream<Emission>[];
  readonly #sent: number[];
  readonly #written: number[];
  /** The number of blocks that have been written at this place. */
  writtenBlocks = 0;
  /** Takes the writes to the disk in its place, if anything does. */
  overlay: BlockWrite[] | undefined;
  readonly #variants: StreamVariants | undefined;

  constructor(
    memory: GuestMemory,
    plan: GuestPlan,
    emissions: Emissions,
    to: {
      readonly net: NetBuffer;
      readonly image?: DiskImage;
      readonly mirror?: DiskMirror;
      readonly variants?: StreamVariants;
    },
  ) {
    this.#memory = memory;
    this.#plan = plan;
    this.net = to.net;
    this.image = to.image;
    this.#mirror = to.mirror;
    this.#variants = to.variants;
    this.#senders = emittingStreams(plan, emissions.packets);
    this.#writers = emittingStreams(plan, emissions.disk?.writes ?? []);
    this.#sent = this.#senders.map(() => 0);
    this.#written = this.#writers.map(() => 0);
  }

  /** Whether any stream emits anything. */
  get isNeeded(): boolean {
    return this.#senders.length + this.#writers.length > 0;
  }

  /** Takes the accesses made so far as known, since their packets and blocks have been emitted elsewhere. */
  adopt(): void {
    for (const [i, { stream, emission }] of this.#senders.entries()) {
      this.#sent[i] = emittedBy(this.#accesses(stream), emission);
    }
    for (const [i, { stream, emission }] of this.#writers.entries()) {
      this.#written[i] = emittedBy(this.#accesses(stream), emission);
    }
  }

  /** Emits what the accesses between two times have called for; they are taken as spread evenly. */
  poll(fromNs: number, toNs: number): void {
    for (const [i, { stream, emission }] of this.#senders.entries()) {
      const to = emittedBy(this.#accesses(stream), emission);
      const from = this.#sent[i]! + 1;
      if (to < from) continue;
      this.#sent[i] = to;
      const stepNs = (toNs - fromNs) / (to - from + 1);
      const firstNs = fromNs + stepNs;
      this.net.send({ stream, from, to, bytesEach: emission.bytes, firstNs, lastNs: toNs });
    }
    for (const [i, writer] of this.#writers.entries()) {
      const { stream, emission } = writer;
      const to = emittedBy(this.#accesses(stream), emission);
      for (let n = this.#written[i]! + 1; n <= to; n++) {
        const variant = this.#variants?.at(stream, n * emission.every) ?? 0;
        const write = diskWrite(this.image!.shape, writer, n, variant);
        if (this.overlay) this.overlay.push(write);
        else this.write(write);
      }
      this.#written[i] = to;
    }
  }

  /** Writes a block to the disk. */
  write(write: BlockWrite): void {
    this.image!.apply(write);
    this.#mirror?.note(write);
    this.writtenBlocks++;
  }

  /** Returns how many accesses of a stream there are to each packet of its; 0 if it sends none. */
  everyOf(stream: number): number {
    return this.#senders.find((one) => one.stream === stream)?.emission.every ?? 0;
  }

  /** How many packets each stream has sent. */
  get sent(): ReadonlyMap<number, number> {
    return new Map(this.#senders.map(({ stream }, i) => [stream, this.#sent[i]!]));
  }

  #accesses(stream: number): number {
    return readAccesses(slotOfStream(this.#memory, this.#plan, stream), stream);
  }
}
