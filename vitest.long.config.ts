import { defineConfig } from 'vitest/config';
import short, { TEN_MINUTES_MS } from './vitest.config.ts';

/** The tests that `npm test` has a sample of: whole searches, all papers, comparisons of built versions. */
export default defineConfig({
  test: {
    ...short.test,
    include: ['test/**/*.long.test.ts'],
    exclude: [],
    testTimeout: 3 * TEN_MINUTES_MS,
  },
});
