import type { SuiteContext } from './contest.ts';
import { readOptions } from './options.ts';
import { loadReference } from './reference.ts';
import { printRows, type Row, writeRows } from './rows.ts';
import { checkReference } from './self-check.ts';
import { copies } from './suites/copies.ts';
import { harvests } from './suites/harvests.ts';
import { marks } from './suites/marks.ts';
import { compare, hash, zeroScan } from './suites/pages.ts';
import { sharing } from './suites/sharing.ts';
import { runs } from './suites/runs.ts';

/**
 * Measures the hot loops, each beside C that does the same on the same memory in the same run. A ratio
 * is C's time divided by ours: 1 is the speed of C. Absolute times hold for this machine only.
 */

const SUITES: Readonly<Record<string, { title: string; run: (context: SuiteContext) => Row[] }>> = {
  marks: { title: 'guest writes and their marks', run: marks },
  harvest: { title: 'harvests', run: harvests },
  runs: { title: 'page sets to runs', run: runs },
  zero: { title: 'zero scan', run: zeroScan },
  hash: { title: 'page sums', run: hash },
  compare: { title: 'page comparison', run: compare },
  copy: { title: 'copies of pages', run: copies },
  sharing: { title: 'page sharing', run: sharing },
};

const options = readOptions(Object.keys(SUITES));
const reference = loadReference();
if (reference.kernels) checkReference(reference.kernels);
const rows: Row[] = [];
for (const [name, { title, run }] of Object.entries(SUITES)) {
  if (options.only.length > 0 && !options.only.includes(name)) continue;
  const made = run({ reference, command: `npm run bench -- --only ${name}` });
  printRows(title, made, reference.reason);
  rows.push(...made);
}
writeRows(rows, options, reference.reason);
