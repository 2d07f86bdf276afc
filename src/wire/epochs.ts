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
} as const;

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

const bodies = {
  /** Primary: ends an epoch, of which so many pages and blocks have been sent, with the state of the vCPUs. */
  checkpoint: z.strictObject({
    epoch: count,
    pages: count,
    blocks: count,
    vcpus: z.array(vcpuSchema).max(4096).readonly(),
  }),
  /** Backup: the epoch is whole in its memory, so that it would go on from there. */
  committed: z.strictObject({ epoch: count }),
  /** Either side. */
  heartbeat: z.strictObject({}),
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
