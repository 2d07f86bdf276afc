import { formatSize } from '../units/size.ts';

/** That a region ends beyond the guest's memory; in bytes where sizes would look alike. */
export function beyond(end: number, memory: number): string {
  const [ends, has] = [formatSize(end), formatSize(memory)];
  if (ends !== has) return `ends at ${ends}, beyond the guest's ${has}`;
  return `ends at byte ${end}, beyond the guest's ${memory}`;
}
