import { defineConfig } from 'vitest/config';
import short from './vitest.config.ts';

/** The tests that need a browser: Debian's Chromium, or the one that CHROMIUM names. */
export default defineConfig({
  test: { ...short.test, include: ['test/**/*.browser.test.ts'], exclude: [] },
});
