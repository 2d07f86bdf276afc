import { defineConfig } from 'vitest/config';
import { TEN_MINUTES_MS } from '../../vitest.config.ts';

const tests = JSON.parse(process.env['MUTATE_TESTS'] ?? '[]') as string[];

/**
 * The mutation tester runs vitest with this configuration. The tests run from src/ alone, so nothing is built before
 * them.
 */
export default defineConfig({
  test: {
    include: process.env['MUTATE_AS_ONE'] ? ['test/mutation/all.mutate.ts'] : tests,
    testTimeout: TEN_MINUTES_MS,
  },
});
