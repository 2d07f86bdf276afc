import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import short from '../../vitest.config.ts';

/** A suite on a scratch copy, which `npm run planted` has built; the copies share node_modules, so no cache is kept there. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  cacheDir: 'dist-bench/vitest-cache',
  test: { ...short.test, exclude: [], globalSetup: [] },
});
