import { formatSize } from '../units/size.ts';

/** Returns the sentence that a region ends beyond the guest's memory, in bytes where the sizes would look alike. */
export function beyond(end: number, memory: number): string {
  const [ends, has] = [formatSize(end), formatSize(memory)];
  if (ends !== has) return `ends at ${ends}, beyond the guest's ${has}`;
  return `ends at byte ${end}, beyond the guest's ${memory}`;
}
