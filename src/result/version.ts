import { readFileSync } from 'node:fs';

/** The version in package.json. One path fits both, as src/result and dist/result lie equally deep below it. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  }
).version;
