import { availableParallelism } from 'node:os';
import { TaskPool } from '../../runtime/threads/pool.ts';
import { allDigests, differences, readDigests, writeDigests } from './digests.ts';
import type { GoldenTasks } from './tasks.ts';

/**
 * `npm run golden` computes every result whose digest is recorded again, on all cores, prints which ones differ, and
 * exits with code 1 if any does. With `--record` it records the digests that it finds instead.
 */
const pool = new TaskPool<GoldenTasks>('lab/golden/worker.js', availableParallelism());
const found = await allDigests(
  (name, task) => pool.run(name, task),
  (line) => process.stderr.write(`${line}\n`),
);
await pool.destroy();
if (process.argv.includes('--record')) writeDigests(found);
const lines = differences(readDigests(), found);
for (const line of lines) process.stdout.write(`${line}\n`);
if (lines.length > 0) process.exitCode = 1;
else process.stdout.write('every result equals the recorded one\n');
