import { allDigests, differences, readDigests, writeDigests } from './digests.ts';

/**
 * `npm run golden` makes every result anew whose digest is recorded and says which ones differ (exit
 * 1); with `--record` the digests that it finds become the recorded ones.
 */
const found = await allDigests((line) => process.stderr.write(`${line}\n`));
if (process.argv.includes('--record')) writeDigests(found);
const lines = differences(readDigests(), found);
for (const line of lines) process.stdout.write(`${line}\n`);
if (lines.length > 0) process.exitCode = 1;
else process.stdout.write('every result is the recorded one\n');
