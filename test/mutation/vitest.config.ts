import { defineConfig } from 'vitest/config';
import { TEN_MINUTES_MS } from '../../vitest.config.ts';

/**
 * The mutation tester runs vitest with this configuration: the test files of one room, which `mutate.mjs` names in
 * the environment. They run from src/ alone, so nothing is built before them.
 */
export default defineConfig({
  test: {
    include: JSON.parse(process.env['MUTATE_TESTS'] ?? '[]') as string[],
    testTimeout: TEN_MINUTES_MS,
  },
});
