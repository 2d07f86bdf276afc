import { afterAll, beforeAll, vi } from 'vitest';

/**
 * Lets the tests of a file find 64 GiB of memory free. A scenario is refused when its guests do not fit the machine, so
 * that tests of large presets would depend on how much memory other programs leave.
 */
export function withEnoughMemory(): void {
  const free = vi.spyOn(process, 'availableMemory');
  beforeAll(() => void free.mockReturnValue(64 * 2 ** 30));
  afterAll(() => free.mockRestore());
}
