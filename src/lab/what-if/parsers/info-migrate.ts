import { findingOf, type MigrationFigures } from './migration-figures.ts';
import { fieldOf, known, numberOf, type PasteParser, sizeField, sizeOf } from './parser.ts';

/**
 * `info migrate` of QEMU's monitor (HMP), in both of its forms (QEMU, migration/migration-hmp-cmds.c, hmp_info_migrate):
 * a line for each figure up to 10.0, and groups of `name=value` from 10.1 on, whose first version printed sizes in KiB.
 */
const TOOL = 'info migrate';
const MBIT = 1e6 / 8;

export const infoMigrate: PasteParser = {
  tool: TOOL,
  recognises: (text) =>
    /^\s*(?:Migration status|transferred ram|total ram):/m.test(text) ||
    /^\s*(?:Time \(ms\)|RAM info):/m.test(text),
  parse: (text) => findingOf(TOOL, isGrouped(text) ? grouped(text) : lineByLine(text)),
};

const isGrouped = (text: string): boolean => /^\s*RAM info:/m.test(text);

function lineByLine(text: string): MigrationFigures {
  const mbps = numberOf(text, 'throughput');
  const pageKib = numberOf(text, 'page size');
  return known<MigrationFigures>({
    total: sizeField(text, 'total ram'),
    remaining: sizeField(text, 'remaining ram'),
    pageSize: pageKib === undefined ? undefined : pageKib * 1024,
    bytesPerSecond: mbps === undefined ? undefined : mbps * MBIT,
    dirtyPagesPerSecond: numberOf(text, 'dirty pages rate'),
    syncs: numberOf(text, 'dirty sync count'),
    zeroPages: numberOf(text, 'duplicate'),
    normalPages: numberOf(text, 'normal'),
    totalTimeMs: numberOf(text, 'total time'),
    expectedDowntimeMs: numberOf(text, 'expected downtime'),
    downtimeMs: numberOf(text, 'downtime'),
    throttle: numberOf(text, 'cpu throttle percentage'),
    isOver: fieldOf(text, 'Migration status')?.startsWith('completed') ?? false,
  });
}

function grouped(text: string): MigrationFigures {
  const mbps =
    numberOf(text, 'Throughput (Mbps)') ??
    numberOf(text, 'Throughput (mbps)') ??
    numberOf(text, 'Bandwidth (mbps)');
  const isKib = /^\s*Sizes \(KB\):/m.test(text);
  const size = (name: string): number | undefined => {
    const value = named(text, name, String.raw`\d[\d.]*(?: [A-Za-z]+)?`);
    if (value === undefined) return undefined;
    return isKib ? Number(value) * 1024 : sizeOf(value, name);
  };
  const count = (name: string): number | undefined => {
    const value = named(text, name, String.raw`\d+`);
    return value === undefined ? undefined : Number(value);
  };
  return known<MigrationFigures>({
    // Of the two lines with total= the first one has the time.
    total: totalOf(text, isKib),
    remaining: size('remain'),
    pageSize: size('pagesize') ?? size('psize'),
    bytesPerSecond: mbps === undefined ? undefined : mbps * MBIT,
    dirtyPagesPerSecond: count('dirty') ?? count('dirty_pages_rate'),
    syncs: count('dirty_syncs'),
    zeroPages: count('zero'),
    normalPages: count('normal'),
    totalTimeMs: numberAfter(text, /^\s*Time \(ms\):\s*total=(\d+)/m),
    expectedDowntimeMs: count('exp_down'),
    downtimeMs: count('down'),
    throttle: numberOf(text, 'CPU Throttle (%)'),
    isOver: fieldOf(text, 'Status')?.startsWith('completed') ?? false,
  });
}

const named = (text: string, name: string, value: string): string | undefined =>
  new RegExp(String.raw`(?<![\w])${name}=(${value})`).exec(text)?.[1];

function numberAfter(text: string, line: RegExp): number | undefined {
  const value = line.exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

function totalOf(text: string, isKib: boolean): number | undefined {
  const value = /^\s*Sizes[^:]*:.*?\btotal=(\d[\d.]*(?: [A-Za-z]+)?)/m.exec(text)?.[1];
  if (value === undefined) return undefined;
  return isKib ? Number(value) * 1024 : sizeOf(value, 'total');
}
