import { formatSize } from '../units/size.ts';

/** Returns the sentence that a region ends beyond the guest's memory, in bytes where the sizes would look alike. */
export function beyond(end: number, memory: number): string {
  const [ends, has] = [formatSize(end), formatSize(memory)];
  if (ends !== has) return `ends at ${ends}, beyond the guest's ${has}`;
  return `ends at byte ${end}, beyond the guest's ${memory}`;
}

/**
 * Returns the sentence that a size is no multiple of the page size, or of `unitBytes`, which `unit` names; it names the
 * nearest sizes that are. No size is rounded, as nobody would see that.
 */
export function notWhole(bytes: number, unitBytes: number, unit = 'the page size'): string {
  return `is no multiple of ${unit}, ${formatSize(unitBytes)}: take ${nearestSizes(bytes, unitBytes)}`;
}

/** Returns the multiples of a unit that are next to a size, such as "4KiB or 8KiB". */
export function nearestSizes(bytes: number, unitBytes: number): string {
  const below = Math.floor(bytes / unitBytes) * unitBytes;
  return [below, below + unitBytes]
    .filter((size) => size > 0)
    .map(exactSize)
    .join(' or ');
}

/** Writes a size in the largest unit that needs no decimals, as a scenario takes it. */
function exactSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let index = 0;
  while (value % 1024 === 0 && index < units.length - 1) {
    value /= 1024;
    index++;
  }
  return `${value}${units[index]}`;
}
