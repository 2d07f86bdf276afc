import { hashWords } from '../random/generator.ts';
import type { ManagerConfig } from './manager-config.ts';
import type { PaceSpec } from './pacing.ts';
import { traceShare } from './trace.ts';
import { vcpusOf, type Pattern, type Workload } from './workload.ts';
import { partsOf, type SlotRange, type WorkloadPart } from './workload-parts.ts';

/** A stream: one vCPU's part of one workload in one memslot, with its own lane of its pages. */
export interface StreamPlan {
  readonly vcpu: number;
  readonly workload: number;
  readonly slot: number;
  /**
   * The stream that leads this one's group: the streams of a vCPU's workload share one pace, and are
   * dealt its accesses. A trace's streams are groups of their own.
   */
  readonly leader: number;
  /** Share of the group's accesses that this stream is dealt. */
  readonly share: number;
  /** Its pages within the slot, and what it does there. */
  readonly firstGfn: number;
  readonly pages: number;
  readonly pattern: Pattern['kind'];
  readonly hotPages: number;
  readonly hotAccesses: number;
  readonly keyA: number;
  readonly keyB: number;
  /** Sequential, stride: the page of its part at which it begins. */
  readonly start: number;
  /** The group's cursor begins in this stream's part. */
  readonly isFirst: boolean;
  /** Pages from one access to the next; 1 unless the pattern is stride. */
  readonly stridePages: number;
  /** Byte offset of its words within each page. */
  readonly lane: number;
  /** Index into the tables, -1 without one. */
  readonly table: number;
  readonly pace: PaceSpec;
}

/** What a worker needs to know of a guest's streams. */
export interface GuestPlan {
  readonly vcpus: number;
  readonly workloads: readonly Omit<Workload, 'pattern'>[];
  readonly streams: readonly StreamPlan[];
  /** Of a guest with a memory manager. */
  readonly manager?: ManagerConfig;
  /** How often it looks which pages have been referenced; absent: never. */
  readonly lruScanNs?: number;
}

/** A plan with the tables that its stream records point at. */
export interface FullPlan extends GuestPlan {
  readonly tables: readonly { readonly slot: number; readonly entries: Uint32Array }[];
}

export class LanesError extends Error {
  override readonly name = 'LanesError';
}

/** Plans the streams; throws LanesError when the lanes of streams over a page don't fit into it. */
export function planGuest(
  workloads: readonly Workload[],
  vcpus: number,
  slots: readonly SlotRange[],
  pageSize: number,
  seed: number,
): FullPlan {
  const tables: { slot: number; entries: Uint32Array }[] = [];
  const streams: StreamPlan[] = [];
  const zipfParts = new Map<string, { parts: WorkloadPart[]; tables: number[] }>();
  const addTable = (slot: number, entries: Uint32Array): number =>
    tables.push({ slot, entries }) - 1;
  workloads.forEach((workload, index) => {
    const { parts, tables: own } = cutWorkload(workload, slots, seed, zipfParts, addTable);
    const members = vcpusOf(workload, vcpus);
    members.forEach((vcpu, turn) => {
      const start = Math.floor((workload.pages * turn) / members.length);
      const leader = streams.length;
      parts.forEach((part, number) => {
        const { pace, table } = paceOf(
          workload,
          part,
          turn,
          members.length,
          own[number]!,
          addTable,
        );
        const isFirst = start >= part.offset && start < part.offset + part.pages;
        const stream: StreamPlan = {
          vcpu,
          workload: index,
          slot: part.slot,
          leader: workload.pattern.kind === 'trace' ? streams.length : leader,
          share: part.share,
          firstGfn: part.firstGfn,
          pages: part.pages,
          pattern: part.pattern.kind,
          hotPages: part.pattern.kind === 'hotspot' ? part.pattern.hotPages : 0,
          hotAccesses: part.pattern.kind === 'hotspot' ? part.pattern.hotAccesses : 0,
          keyA: hashWords(seed, index, vcpu, 0xa + part.slot * 256),
          keyB: hashWords(seed, index, vcpu, 0xb + part.slot * 256),
          start: isFirst ? start - part.offset : 0,
          isFirst,
          stridePages: workload.pattern.kind === 'stride' ? workload.pattern.stridePages : 1,
          lane: nextLane(part, streams, workloads, workload.wordsPerPage),
          table,
          pace,
        };
        streams.push(stream);
        checkLane(workload, stream, pageSize);
      });
    });
  });
  return { vcpus, workloads: workloads.map(light), streams, tables };
}

/** A workload without the lists of a trace, which are in the tables: workers get a copy of it. */
function light(workload: Workload): Omit<Workload, 'pattern'> {
  const copy: Partial<Workload> = { ...workload };
  delete (copy as { pattern?: Pattern }).pattern;
  return copy as Omit<Workload, 'pattern'>;
}

/** The same plan without what only the stream records need. */
export function lightPlan(plan: GuestPlan): GuestPlan {
  const { vcpus, workloads, streams, manager, lruScanNs } = plan;
  return {
    vcpus,
    workloads,
    streams,
    ...(manager ? { manager } : {}),
    ...(lruScanNs === undefined ? {} : { lruScanNs }),
  };
}

/** Zipf workloads over the same pages share their tables. */
function cutWorkload(
  workload: Workload,
  slots: readonly SlotRange[],
  seed: number,
  known: Map<string, { parts: WorkloadPart[]; tables: number[] }>,
  addTable: (slot: number, entries: Uint32Array) => number,
): { parts: WorkloadPart[]; tables: number[] } {
  const { pattern, firstGfn, pages } = workload;
  const key = pattern.kind === 'zipf' ? `${firstGfn} ${pages} ${pattern.theta}` : undefined;
  const before = key === undefined ? undefined : known.get(key);
  if (before) return before;
  const parts = partsOf(workload, slots, seed);
  const cut = {
    parts,
    tables: parts.map(({ slot, table }) => (table ? addTable(slot, table) : -1)),
  };
  if (key !== undefined) known.set(key, cut);
  return cut;
}

function paceOf(
  { pattern, fromNs, untilNs, tickNs, rate }: Workload,
  part: WorkloadPart,
  turn: number,
  members: number,
  table: number,
  addTable: (slot: number, entries: Uint32Array) => number,
): { table: number; pace: PaceSpec } {
  const window = { fromNs, untilNs };
  if (pattern.kind === 'trace') {
    const share = traceShare(pattern.intervals, turn, members, part.offset, part.pages);
    const intervalNs = pattern.intervals.intervalNs / pattern.speed;
    const loop = pattern.end === 'loop';
    const pace = { kind: 'trace' as const, intervalNs, starts: share.starts, loop };
    return { table: addTable(part.slot, share.list), pace: { ...window, pace } };
  }
  if (rate === Infinity) return { table, pace: { ...window, pace: { kind: 'max' } } };
  const perNs = rate / members / 1e9;
  if (tickNs === undefined) return { table, pace: { ...window, pace: { kind: 'even', perNs } } };
  return { table, pace: { ...window, pace: { kind: 'tick', perNs, tickNs } } };
}

/** First fit: the lowest offset that no earlier stream over a common page uses. */
function nextLane(
  part: WorkloadPart,
  earlier: readonly StreamPlan[],
  workloads: readonly Workload[],
  wordsPerPage: number,
): number {
  const bytes = wordsPerPage * 8;
  const taken = earlier
    .filter((stream) => overlaps(part, stream))
    .map(({ lane, workload }) => ({
      from: lane,
      to: lane + workloads[workload]!.wordsPerPage * 8,
    }))
    .toSorted((a, b) => a.from - b.from);
  let lane = 0;
  for (const { from, to } of taken) {
    if (lane + bytes <= from) break;
    lane = Math.max(lane, to);
  }
  return lane;
}

type SlotPages = Pick<StreamPlan, 'slot' | 'firstGfn' | 'pages'>;

function overlaps(a: SlotPages, b: SlotPages): boolean {
  return (
    a.slot === b.slot && a.firstGfn < b.firstGfn + b.pages && b.firstGfn < a.firstGfn + a.pages
  );
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
export function tableBytes(plan: FullPlan, slot: number): number {
  return plan.tables.reduce(
    (sum, table) => sum + (table.slot === slot ? Math.ceil(table.entries.byteLength / 64) * 64 : 0),
    0,
  );
}
