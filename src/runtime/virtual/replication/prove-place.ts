import type { planMemory } from '../../../guest/memory-plan.ts';
import { readAccesses, slotOfStream } from '../../../guest/stream-record.ts';
import { DiskImage, diskWrite } from '../../../replication/disk.ts';
import { emittedBy, emittingStreams } from '../../../replication/guest-tap.ts';
import { giveBackGuestSide } from '../../common/guest-side.ts';
import { prove } from '../../common/proof.ts';
import { createPlace } from '../../common/stage.ts';
import type { WorkRunner } from '../../common/work.ts';
import type { ProtectConfig } from './config.ts';
import type { StreamVariants } from '../../../guest/stream-variants.ts';
import type { ProtectedPlace } from './place.ts';
import type { PlaceProof } from './report.ts';

/** What of a place is proved: the guest's memory and its disk. */
export type ProvedPlace = Pick<ProtectedPlace, 'host' | 'shared' | 'side' | 'image'> & {
  /** The ways that the guest's streams went; absent if none went another way than planned. */
  readonly variants?: StreamVariants;
};

export interface PlaceProofParts {
  readonly config: ProtectConfig;
  readonly memory: ReturnType<typeof planMemory>;
  readonly pool: WorkRunner;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Compares a guest's memory and disk at one place with a replay from their initial contents, up to the counters that its
 * streams have there. Throws GivenUpError.
 */
export async function provePlace(
  place: ProvedPlace,
  { config, memory, pool, signal }: PlaceProofParts,
  hasDisk: boolean,
): Promise<Pick<PlaceProof, 'proof' | 'differingBlocks'>> {
  const { run } = config;
  const { plan, geometries } = memory;
  const canvas = createPlace(run.guest, plan, geometries(1));
  const divergences = place.variants?.divergences;
  const parts = { config: run, plan, pool, signal, final: place.shared, canvas };
  const proof = await prove({
    ...parts,
    isFrozenSource: false,
    ...(divergences ? { divergences } : {}),
  });
  giveBackGuestSide(canvas);
  if (!place.image || !hasDisk) return { proof };
  return { proof, differingBlocks: differingBlocks(place, config, memory) };
}

function differingBlocks(
  place: ProvedPlace,
  { emissions }: ProtectConfig,
  { plan }: PlaceProofParts['memory'],
): number {
  const { shape, writes } = emissions.disk!;
  const expected = new DiskImage(shape);
  for (const writer of emittingStreams(plan, writes)) {
    const { stream, emission } = writer;
    const n = readAccesses(slotOfStream(place.side.memory, plan, stream), stream);
    for (let i = 1; i <= emittedBy(n, emission); i++) {
      const variant = place.variants?.at(stream, i * emission.every);
      expected.apply(diskWrite(shape, writer, i, variant));
    }
  }
  let differing = 0;
  for (let block = 0; block < shape.blocks; block++) {
    if (Buffer.compare(expected.block(block), place.image!.block(block)) !== 0) differing++;
  }
  return differing;
}
