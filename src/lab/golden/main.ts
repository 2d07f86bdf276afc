import { allDigests, differences, readDigests, writeDigests } from './digests.ts';

/**
 * `npm run golden` computes every result whose digest is recorded again, prints which ones differ, and
 * exits with code 1 if any does. With `--record` it records the digests that it finds instead.
 */
const found = await allDigests((line) => process.stderr.write(`${line}\n`));
if (process.argv.includes('--record')) writeDigests(found);
const lines = differences(readDigests(), found);
for (const line of lines) process.stdout.write(`${line}\n`);
if (lines.length > 0) process.exitCode = 1;
else process.stdout.write('every result equals the recorded one\n');
