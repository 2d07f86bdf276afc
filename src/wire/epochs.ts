import { z } from 'zod';
import { type BodyOf, controlCodec, type MessageOf } from './control-codec.ts';
import { packVcpus, vcpuSchema } from './control.ts';

/**
 * The frames of continuous replication (docs/wire.md), besides HELLO, WELCOME and PAGES, which are those of a migration.
 * A migration knows none of them and ends on one, since a guest may be in two places otherwise.
 */
export const EPOCH_FRAME = {
  /** Pages of an epoch, each in an encoding of its own (epoch-pages.ts). */
  delta: 64,
  /** Blocks of the disk, written in an epoch (epoch-blocks.ts). */
  blocks: 65,
  /** All of an epoch has been sent. */
  checkpoint: 66,
  /** The backup has all of an epoch. */
  committed: 67,
  /** The sender is alive. */
  heartbeat: 68,
  /** COLO: sums of packets that the secondary's guest has sent (epoch-outputs.ts). */
  outputs: 69,
  /** COLO: the secondary is to stop its guest for a checkpoint. */
  pause: 70,
  /** COLO: ranges of pages that the secondary's guest has written since the last checkpoint (ranges.ts). */
  dirty: 71,
  /** COLO: the secondary's guest stands still, and all of its packets and dirty pages have been sent. */
  paused: 72,
  /** COLO: the secondary's guest runs on from the state of the checkpoint. */
  loaded: 73,
} as const;

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

const bodies = {
  /** Primary: ends an epoch, of which so many pages and blocks have been sent, with the state of the vCPUs. */
  checkpoint: z.strictObject({
    epoch: count,
    pages: count,
    blocks: count,
    vcpus: z.array(vcpuSchema).max(4096).readonly(),
    /** COLO: the variant of each stream (guest/stream-variants.ts). */
    variants: z.array(z.number().int().min(0).max(0xffffffff)).max(1_000_000).readonly().optional(),
  }),
  /** Backup: the epoch is whole in its memory, so that it would go on from there. */
  committed: z.strictObject({ epoch: count }),
  /** Either side. */
  heartbeat: z.strictObject({}),
  /** Primary: a checkpoint begins, which will be this one. */
  pause: z.strictObject({ epoch: count }),
  /** Secondary: so many pages have been written since the last checkpoint. */
  paused: z.strictObject({ epoch: count, pages: count }),
  /** Secondary. */
  loaded: z.strictObject({ epoch: count }),
};

export type EpochName = keyof typeof bodies;
export type EpochBody<Name extends EpochName> = BodyOf<typeof bodies, Name>;
export type EpochMessage = MessageOf<typeof bodies>;

const codec = controlCodec({
  bodies,
  types: EPOCH_FRAME,
  /** In CHECKPOINT, checksums become bytes. */
  packable: ({ name, body }) =>
    name === 'checkpoint' ? { ...body, vcpus: packVcpus(body.vcpus) } : body,
  refusal: (type) => `type ${type} came out of turn`,
});

/** See ControlCodec. */
export const packEpoch = codec.pack;
export const encodeEpoch = codec.encode;
export const decodeEpoch = codec.decode;
