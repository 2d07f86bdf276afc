import { hashWords } from '../random/generator.ts';
import type { ManagerConfig } from './manager-config.ts';
import type { PaceSpec } from './pacing.ts';
import { traceShare } from './trace.ts';
import { vcpusOf, type Pattern, type Workload } from './workload.ts';
import { partsOf, type SlotRange, type WorkloadPart } from './workload-parts.ts';

/** A stream, which is one vCPU's part of one workload in one memslot. It has a lane of its own in each of its pages. */
export interface StreamPlan {
  readonly vcpu: number;
  readonly workload: number;
  readonly slot: number;
  /**
   * The index of the stream that leads this one's group: the streams of a workload on a vCPU share one pace, and its
   * accesses are dealt to them (dealing.ts). Each stream of a trace is a group of its own.
   */
  readonly leader: number;
  /** The share of the group's accesses that are dealt to this stream. */
  readonly share: number;
  /** Its first page, counted in the slot. */
  readonly firstGfn: number;
  readonly pages: number;
  readonly pattern: Pattern['kind'];
  readonly hotPages: number;
  readonly hotAccesses: number;
  /** The keys of its random draws. */
  readonly keyA: number;
  readonly keyB: number;
  /** The page, counted from `firstGfn`, at which a sequential or striding stream begins. */
  readonly start: number;
  /** Whether the group's cursor begins in this stream's part. */
  readonly isFirst: boolean;
  /** The number of pages from one access to the next; 1 unless the pattern is stride. */
  readonly stridePages: number;
  /** The byte offset of its words in each page. */
  readonly lane: number;
  /** The index of its table in the plan, -1 when it has none. */
  readonly table: number;
  readonly pace: PaceSpec;
}

/** What a worker thread has to know about a guest's streams. */
export interface GuestPlan {
  readonly vcpus: number;
  readonly workloads: readonly Omit<Workload, 'pattern'>[];
  readonly streams: readonly StreamPlan[];
  /** The memory manager's config, if the guest has one. */
  readonly manager?: ManagerConfig;
  /** How often the guest scans which pages have been referenced; it never does when this is absent. */
  readonly lruScanNs?: number;
}

/** A plan together with the tables (alias tables, lists of pages) to which its stream records point. */
export interface FullPlan extends GuestPlan {
  readonly tables: readonly { readonly slot: number; readonly entries: Uint32Array }[];
}

/** The lanes of the streams over a page need more bytes than the page has. */
export class LanesError extends Error {
  override readonly name = 'LanesError';
}

/** Plans the streams of a guest whose memory is cut into `slots`. Throws LanesError. */
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

/** Returns a workload without its pattern: a trace's lists are in the tables, and workers get copies of the rest. */
function light(workload: Workload): Omit<Workload, 'pattern'> {
  const copy: Partial<Workload> = { ...workload };
  delete (copy as { pattern?: Pattern }).pattern;
  return copy as Omit<Workload, 'pattern'>;
}

/** Returns the plan without its tables, which only the stream records need. */
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

/** Cuts a workload into its parts and adds their tables; zipf workloads over the same pages share those (`known`). */
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
  { pattern, fromNs, untilNs, tickNs, rate, catchUpNs }: Workload,
  part: WorkloadPart,
  turn: number,
  members: number,
  table: number,
  addTable: (slot: number, entries: Uint32Array) => number,
): { table: number; pace: PaceSpec } {
  const window = { fromNs, untilNs, ...(catchUpNs === undefined ? {} : { catchUpNs }) };
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

/** Returns the lowest lane in a part's pages that no earlier stream over any of them uses (first fit). */
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

/** Returns the bytes that the plan's tables take in a slot, where each is aligned to a cache line. */
export function tableBytes(plan: FullPlan, slot: number): number {
  return plan.tables.reduce(
    (sum, table) => sum + (table.slot === slot ? Math.ceil(table.entries.byteLength / 64) * 64 : 0),
    0,
  );
}
