import { Generator } from '../../random/generator.ts';
import type { DrawnRun } from './draw.ts';

const KIB = 1024;
/** It keeps what is drawn here apart from all else that is drawn from a seed. */
const PARTS = 0x9a475;

/**
 * Gives the guest of a drawn run pages that travel in parts, and some runs a channel for requested pages or a send
 * buffer. The rest of the run stays as it is; its link is as much faster as its guest becomes larger.
 */
export function withParts(seed: number, { config, trouble }: DrawnRun): DrawnRun {
  const random = new Generator(seed, PARTS);
  const one = <Value>(values: readonly Value[]): Value => values[random.below(values.length)]!;
  const { guest, link, migration } = config;
  const pageSize = Math.max(guest.pageSize, 16 * KIB);
  const factor = pageSize / guest.pageSize;
  const preempt = one([false, true]);
  const breakHuge = one([undefined, true, false]);
  const sendBufferBytes = one([undefined, undefined, 30_000, 100_000]);
  return {
    config: {
      ...config,
      guest: { ...guest, pageSize, memoryBytes: guest.memoryBytes * factor },
      link: {
        ...link,
        bytesPerSecond: link.bytesPerSecond * factor,
        mostWholePageBytes: one([4 * KIB, 8 * KIB, 12 * KIB]),
        ...(sendBufferBytes === undefined || link.bytesPerSecond === Infinity
          ? {}
          : { sendBufferBytes }),
      },
      migration: {
        ...migration,
        preempt,
        ...(preempt && breakHuge !== undefined ? { breakHuge } : {}),
      },
    },
    trouble,
  };
}
