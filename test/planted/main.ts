import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readCatalogue, selected, type Shard } from './catalogue.ts';
import { hunt } from './hunt.ts';
import { stopGroup } from './scratch.ts';
import { lineOf, tableOf, stillOpen, trouble } from './table.ts';

const CATALOGUE = 'test/planted/catalogue';

/** Parses `3/10` into the third of ten shards. Throws RangeError. */
function shardOf(text: string): Shard {
  const [index, of] = text.split('/').map(Number);
  if (Number.isSafeInteger(index) && Number.isSafeInteger(of) && index! >= 1 && index! <= of!) {
    return { index: index!, of: of! };
  }
  throw new RangeError(`--shard: expected a share such as 3/10, got "${text}"`);
}

function workersOf(text: string): number {
  const workers = Number(text);
  if (Number.isSafeInteger(workers) && workers >= 1) return workers;
  throw new RangeError(`--workers: expected a whole number from 1 on, got "${text}"`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/**
 * `npm run planted` plants every bug of the catalogue, one at a time in scratch copies of the checkout, runs the suite
 * that must notice it, and exits with code 1 when one survives (unless the catalogue has it as open) or does not apply. `--only` takes ids and rooms, with
 * commas between them; `--shard 3/10` takes the third tenth; `--workers` says how many suites run at a time.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      shard: { type: 'string', default: '1/1' },
      workers: { type: 'string', default: String(availableParallelism()) },
    },
  });
  const only = values.only.split(',').filter((name) => name !== '');
  const all = readCatalogue(CATALOGUE).filter(({ equivalent }) => equivalent === undefined);
  const bugs = selected(all, only, shardOf(values.shard));
  say(`planting ${bugs.length} of ${all.length} bugs, shard ${values.shard}`);
  const folder = mkdtempSync(join(tmpdir(), 'pageferry-planted-'));
  const running = new Set<number>();
  const clear = (): void => {
    for (const group of running) stopGroup(group);
    rmSync(folder, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      clear();
      process.exit(130);
    });
  }
  try {
    const tell = (hunted: Parameters<typeof lineOf>[0]): void => say(lineOf(hunted));
    const workers = workersOf(values.workers);
    const results = await hunt(bugs, { from: process.cwd(), folder, workers, running, tell });
    say('');
    for (const line of tableOf(results)) say(line);
    const open = stillOpen(results);
    if (open.length > 0) say('\nopen, as the catalogue says:');
    for (const one of open) say(lineOf(one));
    const bad = trouble(results);
    if (bad.length > 0) say('\nnot killed:');
    for (const one of bad) say(lineOf(one));
    return bad.length > 0 ? 1 : 0;
  } finally {
    clear();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(
    error instanceof RangeError || (error as { code?: string }).code?.startsWith('ERR_PARSE')
  )) {
    throw error;
  }
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 2;
}
