import type { Frame, FrameMemory } from './frame.ts';

/**
 * Returns the low word of the sum of a page that only a version stands for. The high word is the
 * complement of the version.
 */
const versionSum = (version: number): number => Math.imul(version, 0x9e3779b1) >>> 0;

/** Writes to `out` the sums of the pages at `at`, or of the versions that stand for them. */
export function sumPages(
  { view, kernels }: FrameMemory,
  at: number,
  storedBytes: number,
  count: number,
  out: number,
): void {
  if (storedBytes >= 64) {
    kernels.hashPages(at, storedBytes, count, out);
    return;
  }
  for (let i = 0; i < count; i++) {
    const version = view.getUint32(at + i * storedBytes, true);
    view.setUint32(out + 8 * i, versionSum(version), true);
    view.setUint32(out + 8 * i + 4, ~version, true);
  }
}

/** Returns the index of the first raw page whose sum differs, or -1 if all agree. */
export function firstWrong(
  { memory, payloadAt }: Pick<Frame, 'memory' | 'payloadAt'>,
  sumsAt: number,
  sums: number,
  storedBytes: number,
): number {
  const { view, kernels, scratch } = memory;
  if (storedBytes >= 64) {
    return kernels.firstWrongHash(payloadAt, storedBytes, sums, sumsAt, scratch);
  }
  for (let i = 0; i < sums; i++) {
    const version = view.getUint32(payloadAt + i * storedBytes, true);
    const isEqual =
      view.getUint32(sumsAt + 8 * i, true) === versionSum(version) &&
      view.getUint32(sumsAt + 8 * i + 4, true) === ~version >>> 0;
    if (!isEqual) return i;
  }
  return -1;
}
