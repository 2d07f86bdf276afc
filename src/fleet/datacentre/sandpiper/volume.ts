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

/** Without a look into VMs, memory counts as half full, and as full while it is swapped. */
export const blackMemory = (swapBytesPerSecond: number): number =>
  swapBytesPerSecond > 0 ? 1 - EPSILON : 0.5;
