import { freemem } from 'node:os';
import { readOptions } from './options.ts';
import { loadReference } from './reference.ts';
import { isToy, printTable } from './report.ts';
import { printRows, type Row, writeRows } from './rows.ts';
import { GROWN, type Grown, openGuests } from './suites/grown.ts';
import { MIB } from './suites/slots.ts';

/**
 * Measures whether the ratio to C stays the same when the guest grows, and when more of it is dirty. A
 * guest has memslots of at most 2 GiB. Smaller guests are the first pages of the largest one, so that at
 * most 8 GiB are resident.
 */

const SIZES = isToy ? [4, 16, 32] : [64, 256, 1024, 4096, 8192];
const DENSITIES = isToy ? [0.1, 1] : [0.01, 0.1, 0.5, 1];
const SLOT_MIB = isToy ? 8 : 2048;

const options = readOptions(Object.keys(GROWN));
const reference = loadReference();
const sizes = SIZES.filter((size) => size * MIB < 0.8 * freemem());
if (sizes.length < SIZES.length) console.log(`There is free memory for ${sizes.at(-1)} MiB only.`);
const guests = openGuests(sizes, SLOT_MIB);
const rows: Row[] = [];
for (const [name, kernel] of Object.entries(GROWN)) {
  if (options.only.length > 0 && !options.only.includes(name)) continue;
  scale(name, kernel);
}
writeRows(rows, options, reference.reason);

/** Measures all sizes and densities of one kernel; prints its rows, then a table of their ratios. */
function scale(name: string, kernel: Grown): void {
  const command = `npm run bench:scale -- --only ${name}`;
  const ratios: string[][] = [['ratio to C', ...DENSITIES.map((density) => percent(density))]];
  const all: number[] = [];
  const made: Row[] = [];
  for (const guest of guests) {
    const line = [`${guest.mib} MiB`];
    for (const density of DENSITIES) {
      const what = `${kernel.title}, ${guest.mib} MiB, ${percent(density)}`;
      const cell = kernel.run({ guest, density, what, context: { reference, command } });
      made.push(...cell);
      const { ratio } = cell[0]!;
      if (ratio !== undefined) all.push(ratio);
      line.push(ratio?.toFixed(2) ?? reference.reason ?? '');
    }
    ratios.push(line);
  }
  rows.push(...made);
  printRows(kernel.title, made, reference.reason);
  const span = `${Math.min(...all).toFixed(2)} to ${Math.max(...all).toFixed(2)}`;
  printTable(all.length > 0 ? `${kernel.title}: ${span} of C` : kernel.title, ratios);
}

function percent(density: number): string {
  return `${100 * density} %`;
}
