/** A resource that is full has no infinite volume. */
const EPSILON = 0.01;

/**
 * Returns the volume of a host's or a VM's load, 1/(1 − cpu) · 1/(1 − net) · 1/(1 − mem), of shares in use (Wood et al.,
 * NSDI 2007, section 5).
 */
export function volumeOf(cpu: number, net: number, memory: number): number {
  return 1 / (free(cpu) * free(net) * free(memory));
}

const free = (use: number): number => Math.max(EPSILON, 1 - use);

/**
 * Returns the share of memory that counts as in use without a look into VMs: all of it while it is swapped, otherwise
 * that of the working set, or half where nobody samples working sets.
 */
export const blackMemory = (swapBytesPerSecond: number, workingSetShare = 0.5): number =>
  swapBytesPerSecond > 0 ? 1 - EPSILON : Math.min(1, workingSetShare);
