import { aliasTable, zipfWeights } from '../random/alias-table.ts';
import { hashWords } from '../random/generator.ts';
import type { PaceSpec } from './pacing.ts';
import { traceShare } from './trace.ts';
import { vcpusOf, type Workload } from './workload.ts';

/** A stream: one vCPU's part of one workload in the memslot, with its own lane of every page. */
export interface StreamPlan {
  readonly vcpu: number;
  readonly workload: number;
  readonly keyA: number;
  readonly keyB: number;
  readonly start: number;
  /** Byte offset of its words within each page. */
  readonly lane: number;
  /** Index into the tables, -1 without one. */
  readonly table: number;
  readonly pace: PaceSpec;
}

/** All streams of a guest and the tables they share. */
export interface GuestPlan {
  readonly vcpus: number;
  readonly workloads: readonly Workload[];
  readonly streams: readonly StreamPlan[];
  readonly tables: readonly Uint32Array[];
}

export class LanesError extends Error {
  override readonly name = 'LanesError';
}

/** Plans the streams; throws LanesError when the lanes of streams over a page don't fit into it. */
export function planGuest(
  workloads: readonly Workload[],
  vcpus: number,
  pageSize: number,
  seed: number,
): GuestPlan {
  const tables: Uint32Array[] = [];
  const zipfTables = new Map<string, number>();
  const streams: StreamPlan[] = [];
  workloads.forEach((workload, index) => {
    const members = vcpusOf(workload, vcpus);
    members.forEach((vcpu, turn) => {
      const { table, pace } = paceAndTable(
        workload,
        turn,
        members.length,
        tables,
        zipfTables,
        seed,
      );
      streams.push({
        vcpu,
        workload: index,
        keyA: hashWords(seed, index, vcpu, 0xa),
        keyB: hashWords(seed, index, vcpu, 0xb),
        start: Math.floor((workload.pages * turn) / members.length),
        lane: nextLane(workload, streams, workloads),
        table,
        pace,
      });
      checkLane(workload, streams.at(-1)!, pageSize);
    });
  });
  return { vcpus, workloads, streams, tables };
}

function paceAndTable(
  workload: Workload,
  turn: number,
  members: number,
  tables: Uint32Array[],
  zipfTables: Map<string, number>,
  seed: number,
): { table: number; pace: PaceSpec } {
  const { pattern, fromNs, untilNs, tickNs } = workload;
  const window = { fromNs, untilNs };
  if (pattern.kind === 'trace') {
    const share = traceShare(pattern.intervals, turn, members);
    tables.push(share.list);
    const intervalNs = pattern.intervals.intervalNs / pattern.speed;
    const loop = pattern.end === 'loop';
    const pace = { kind: 'trace' as const, intervalNs, starts: share.starts, loop };
    return { table: tables.length - 1, pace: { ...window, pace } };
  }
  let table = -1;
  if (pattern.kind === 'zipf') {
    const key = `${workload.pages} ${pattern.theta}`;
    table = zipfTables.get(key) ?? tables.length;
    if (table === tables.length) {
      tables.push(aliasTable(zipfWeights(workload.pages, pattern.theta, seed)));
      zipfTables.set(key, table);
    }
  }
  if (workload.rate === Infinity) return { table, pace: { ...window, pace: { kind: 'max' } } };
  const perNs = workload.rate / members / 1e9;
  if (tickNs === undefined) return { table, pace: { ...window, pace: { kind: 'even', perNs } } };
  return { table, pace: { ...window, pace: { kind: 'tick', perNs, tickNs } } };
}

/** First fit: the lowest offset that no earlier stream over a common page uses. */
function nextLane(
  workload: Workload,
  earlier: readonly StreamPlan[],
  workloads: readonly Workload[],
): number {
  const bytes = workload.wordsPerPage * 8;
  const taken = earlier
    .map((stream) => ({ lane: stream.lane, other: workloads[stream.workload]! }))
    .filter(({ other }) => overlaps(workload, other))
    .map(({ lane, other }) => ({ from: lane, to: lane + other.wordsPerPage * 8 }))
    .toSorted((a, b) => a.from - b.from);
  let lane = 0;
  for (const { from, to } of taken) {
    if (lane + bytes <= from) break;
    lane = Math.max(lane, to);
  }
  return lane;
}

function overlaps(a: Workload, b: Workload): boolean {
  return a.firstGfn < b.firstGfn + b.pages && b.firstGfn < a.firstGfn + a.pages;
}

function checkLane(workload: Workload, stream: StreamPlan, pageSize: number): void {
  const end = stream.lane + workload.wordsPerPage * 8;
  if (end <= pageSize) return;
  throw new LanesError(
    `the words of all streams over a page take ${end} bytes, a page has ${pageSize}: ` +
      'use fewer words per page, fewer vCPUs, or regions that do not overlap',
  );
}

/** Bytes that the tables take in a slot, each aligned to a cache line. */
export function tableBytes(plan: GuestPlan): number {
  return plan.tables.reduce((sum, table) => sum + Math.ceil(table.byteLength / 64) * 64, 0);
}
