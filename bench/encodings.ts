import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brotliDecompressSync } from 'node:zlib';
import { chartSvg, type ChartSeries } from '../dist/report/chart.js';
import { buildResult } from '../dist/result/build.js';
import type { RunResult } from '../dist/result/schema.js';
import { runVirtual } from '../dist/runtime/virtual/run.js';
import { loadScenarioText } from '../dist/scenario/load.js';
import { openCompressor } from '../dist/wire/compressors/registry.js';
import { printTable } from './report.ts';

/**
 * `npm run bench:encodings [-- --image FILE] [--chart FILE] [--only speeds,runs,chart]` measures the encodings of pages:
 * how fast the libraries are beside their own command-line benchmarks, what a migration takes with each encoding, and
 * from which bandwidth on an encoding is no longer worth it. The libraries' own benchmarks measure the time of day, so
 * the two are comparable on an idle machine only. The image is one of 128 MiB that the trace of the preset
 * `redis` begins with; without it contents like it are made.
 */
const { values } = parseArgs({
  options: {
    image: { type: 'string' },
    chart: { type: 'string' },
    only: { type: 'string', default: 'speeds,runs,chart' },
  },
});
const parts = values.only.split(',');

const SAMPLE = fileURLToPath(new URL('../fixtures/images/redis-sample.raw.br', import.meta.url));
const PAGE = 4096;
const FIXTURES = fileURLToPath(new URL('../fixtures/scenarios/', import.meta.url));

const WAYS: Readonly<Record<string, readonly string[]>> = {
  zero: ['zero'],
  xbzrle: ['zero', 'xbzrle'],
  reference: ['zero', 'reference'],
  lz4: ['zero', 'lz4'],
  mecom: ['zero', 'mecom'],
  zstd: ['zero', 'zstd'],
  zlib: ['zero', 'zlib'],
  all: ['zero', 'reference', 'xbzrle', 'zstd'],
};
const GBITS = [0.1, 0.5, 2, 10, 25];

/** Returns the pages of the sample that are not zero, one behind the other. */
function samplePages(): Buffer {
  const bytes = imageBytes();
  const pages: Buffer[] = [];
  for (let at = 0; at + PAGE <= bytes.length; at += PAGE) {
    const page = bytes.subarray(at, at + PAGE);
    if (page.some((byte) => byte !== 0)) pages.push(page);
  }
  return Buffer.concat(pages);
}

function imageBytes(): Buffer {
  const path = values.image ?? SAMPLE;
  const bytes = readFileSync(path);
  return path.endsWith('.br') ? brotliDecompressSync(bytes) : bytes;
}

/** Returns the shortest CPU time of some passes, in ns a page. */
function timed(bytes: number, pass: () => void): number {
  let best = Infinity;
  for (let i = 0; i < 3; i++) {
    const before = process.cpuUsage();
    pass();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, ((user + system) * 1000 * PAGE) / bytes);
  }
  return best;
}

/** Runs the library's own benchmark on a file; returns ns a page to compress and to decompress, nothing if it is not there. */
function native(tool: string, file: string, block: number): [number, number] | undefined {
  const { stdout, stderr, status } = spawnSync(tool, ['-b1', '-i1', `-B${block}`, file], {
    encoding: 'utf8',
  });
  if (status !== 0) return undefined;
  const printed = [...`${stdout}${stderr}`.matchAll(/([\d.]+) MB\/s\s*,\s*([\d.]+) MB\/s/g)];
  const last = printed.at(-1);
  if (!last) return undefined;
  return [(PAGE / Number(last[1])) * 1000, (PAGE / Number(last[2])) * 1000];
}

function speeds(): void {
  const bytes = samplePages();
  const folder = mkdtempSync(join(tmpdir(), 'pageferry-encodings-'));
  const file = join(folder, 'pages.raw');
  writeFileSync(file, bytes);
  const rows = [['library', 'block', 'left', 'compress', 'of C', 'decompress', 'of C']];
  for (const name of ['lz4', 'zstd', 'zlib'] as const) {
    const { compress, decompress } = openCompressor(name, 1);
    for (const block of [PAGE, 32 * PAGE]) {
      let packed: Buffer[] = [];
      const whole = bytes.length - (bytes.length % block);
      const compressNs = timed(whole, () => {
        packed = [];
        for (let at = 0; at < whole; at += block) {
          packed.push(Buffer.from(compress(bytes.subarray(at, at + block))));
        }
      });
      const into = new Uint8Array(block);
      const decompressNs = timed(whole, () => {
        for (const one of packed) decompress(one, into);
      });
      const left = packed.reduce((sum, one) => sum + one.length, 0) / whole;
      const c = name === 'zlib' ? undefined : native(name, file, block);
      const of = (theirs: number | undefined, ours: number): string =>
        theirs === undefined ? '' : (theirs / ours).toFixed(2);
      rows.push([
        name,
        `${block / 1024} KiB`,
        `${(100 * left).toFixed(1)} %`,
        `${(compressNs / 1000).toFixed(1)} us`,
        of(c?.[0], compressNs),
        `${(decompressNs / 1000).toFixed(1)} us`,
        of(c?.[1], decompressNs),
      ]);
    }
  }
  rmSync(folder, { recursive: true });
  printTable(
    `level 1, CPU time of a page of 4 KiB, ${bytes.length / PAGE} pages that are not zero`,
    rows,
  );
}

async function play(
  encodings: readonly string[],
  gbits: number,
  verify: string,
): Promise<RunResult> {
  const yaml = `runtime: virtual
verify: ${verify}
guest:
  memory: 128MiB
  vcpus: 1
  contents: [${contentsOf('0')}]
  workloads:
    - pattern: trace
      trace: { file: ../traces/redis-zipf-zf.pftrace, speed: 10, end: loop }
link: { bandwidth: ${gbits}Gbit/s }
migration: { downtimeLimit: 20ms, timeout: 60s, startAfter: 100ms, runAfter: 100ms, encodings: [${encodings.join(', ')}] }
`;
  const { config, scenario } = loadScenarioText('encodings.yaml', yaml, [], FIXTURES);
  return buildResult(scenario, await runVirtual(config));
}

async function runs(): Promise<void> {
  const rows = [['encodings', 'bytes', 'total time', 'downtime', 'CPU', 'rounds', 'proved']];
  for (const [name, encodings] of Object.entries(WAYS)) {
    const result = await play(encodings, 1, 'replay');
    const { ram, totalTimeMs, downtimeMs, rounds, verify, outcome } = result;
    const cpu = (ram.encodings ?? []).reduce((sum, { cpuMs = 0 }) => sum + cpuMs, 0);
    rows.push([
      name === 'all' ? encodings.join(', ') : name,
      `${(ram.transferred / 1e6).toFixed(1)} MB`,
      `${totalTimeMs.toFixed(0)} ms`,
      downtimeMs === undefined ? outcome : `${downtimeMs.toFixed(1)} ms`,
      cpu > 0 ? `${cpu.toFixed(0)} ms` : '',
      String(rounds.length),
      verify?.kind === 'off' || !verify?.ok ? 'no' : 'yes',
    ]);
  }
  printTable('128 MiB with Redis, its trace ten times as fast, 1 Gbit/s, virtual', rows);
}

/** Returns the total time, in ms, of three live rounds of a part of the guest, which is bounded whatever the bandwidth. */
async function threeRounds(encodings: readonly string[], gbits: number): Promise<number> {
  const yaml = `runtime: virtual
verify: off
guest:
  memory: 32MiB
  contents: [${contentsOf('32MiB')}]
  workloads: [{ pattern: uniform, rate: 5000, region: { start: 0, size: 8MiB } }]
link: { bandwidth: ${gbits}Gbit/s }
migration: { policy: rounds, rounds: 3, startAfter: 10ms, runAfter: 10ms, encodings: [${encodings.join(', ')}] }
`;
  const { config, scenario } = loadScenarioText('encodings.yaml', yaml, [], FIXTURES);
  return buildResult(scenario, await runVirtual(config)).totalTimeMs;
}

/** Returns the contents of a guest: the image from a byte on, or what is like it. */
const contentsOf = (offset: string): string =>
  values.image
    ? `{ kind: file, path: ${JSON.stringify(resolve(values.image))}, offset: ${offset} }`
    : '{ kind: mixed, zeroShare: 0.269 }';

async function chart(): Promise<void> {
  const times = new Map<string, number[]>();
  for (const [name, encodings] of Object.entries(WAYS)) {
    if (['reference', 'xbzrle', 'all'].includes(name)) continue;
    const list: number[] = [];
    for (const gbits of GBITS) list.push(await threeRounds(encodings, gbits));
    times.set(name, list);
  }
  const plain = times.get('zero')!;
  const rows = [['Gbit/s', ...times.keys()]];
  for (const [i, gbits] of GBITS.entries()) {
    rows.push([String(gbits), ...[...times.values()].map((list) => `${list[i]!.toFixed(0)} ms`)]);
  }
  printTable('total time by bandwidth', rows);
  if (!values.chart) return;
  const series: ChartSeries[] = [...times].map(([name, list], colour) => ({
    name,
    kind: name === 'zero' ? 'dashed' : 'line',
    colour: name === 'zero' ? 6 : colour - 1,
    points: list.map((ms, i) => [GBITS[i]!, ms / plain[i]!] as const),
  }));
  const svg = chartSvg({
    title: 'From which bandwidth on is compression no longer worth it?',
    subtitle:
      'pre-copy of three rounds, 32 MiB of a guest with Redis; its time as a share of that with zero pages alone; one CPU compresses',
    x: { label: 'bandwidth', unit: 'Gbit/s', log: true },
    y: { label: 'total time', unit: 'share', log: true },
    series,
  });
  writeFileSync(values.chart, svg);
}

if (parts.includes('speeds')) speeds();
if (parts.includes('runs')) await runs();
if (parts.includes('chart')) await chart();
