import { defineConfig } from 'vitest/config';

/** No test waits for an instant, so a time limit is there for hangs alone: a busy machine is no failure. */
export const TEN_MINUTES_MS = 600_000;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // What takes longer is `npm run test:long`, and what needs a browser `npm run test:browser`.
    exclude: ['test/**/*.long.test.ts', 'test/**/*.browser.test.ts'],
    globalSetup: ['test/support/build-workers.ts'],
    // Runs in real time share two cores: one test file at a time keeps them honest.
    fileParallelism: false,
    // All files share one process, which loads the program's modules once; no test may replace a module.
    isolate: false,
    testTimeout: TEN_MINUTES_MS,
    hookTimeout: TEN_MINUTES_MS,
  },
});
