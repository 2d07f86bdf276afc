import {
  parseTrace,
  TRACE_LIMITS,
  TraceError,
  type TraceFacts,
  type TraceFile,
  type TraceLimits,
} from '../guest/trace-file.ts';
import { type TraceIntervals, traceIntervals } from '../guest/trace.ts';
import type { OwnKind } from '../units/keys.ts';
import { loadOwnTrace } from './own-kinds.ts';
import type { Path } from './document.ts';
import { type FolderOf, locateFile } from './files.ts';
import { ReadError, readBytes } from './read-text.ts';
import { ResolveError } from './resolve-error.ts';
import type { ScenarioWorkload } from './schema.ts';

/** Where the files of traces come from. */
export interface TraceSource {
  /** Returns the bytes of a file. Throws ReadError. */
  read(place: string): Uint8Array;
  readonly limits: TraceLimits;
}

/** The files of this machine. */
const LOCAL_FILES: TraceSource = {
  read: (place) => readBytes(place, TRACE_LIMITS.bytes),
  limits: TRACE_LIMITS,
};

type TraceKeys = Extract<ScenarioWorkload, { pattern: 'trace' }>['trace'];

/**
 * Reads the traces of a scenario, or of all guests of an evacuation. Their accesses are kept in memory, several times
 * over, so they are counted before they are listed.
 */
export class TraceReader {
  readonly #mostAccesses: number;
  readonly #source: TraceSource;
  /** How many accesses and intervals the traces so far have. */
  #used = 0;

  constructor(mostAccesses: number = TRACE_LIMITS.accesses, source: TraceSource = LOCAL_FILES) {
    this.#mostAccesses = mostAccesses;
    this.#source = source;
  }

  /**
   * Returns the intervals of a workload's trace. `folderOf` says what files and modules are relative to; `path` is the key `trace`
   * of the workload. Throws ResolveError when the trace can't be used.
   */
  read(keys: TraceKeys, facts: TraceFacts, folderOf: FolderOf, path: Path): TraceIntervals {
    const { file, touched } = keys;
    if (typeof file !== 'string') return this.#readOwn(keys, facts, folderOf, path);
    const dirty = this.#readFile(folderOf, file, [...path, 'file'], facts);
    if (touched === undefined) return traceIntervals(dirty, facts.seed);
    const loads = this.#readFile(folderOf, touched, [...path, 'touched'], facts);
    if (!areAlike(dirty, loads)) {
      const sentence = `${touched} has other intervals than ${file}: both come from one run`;
      throw new ResolveError({ path: [...path, 'touched'], sentence });
    }
    return traceIntervals(dirty, facts.seed, loads);
  }

  /** Returns the intervals of a trace that a module makes. */
  #readOwn(
    { file, touched }: TraceKeys,
    facts: TraceFacts,
    folderOf: FolderOf,
    path: Path,
  ): TraceIntervals {
    if (touched !== undefined) {
      const sentence = 'comes from the module that makes the trace: leave it out';
      throw new ResolveError({ path: [...path, 'touched'], sentence });
    }
    const traces = loadOwnTrace(file as OwnKind, facts, folderOf, [...path, 'file']);
    const fail = (sentence: string): never => {
      throw new ResolveError({ path: [...path, 'file', 'export'], sentence });
    };
    for (const one of [traces.dirty, traces.touched]) {
      const sentence = one && this.#misfit(one, facts);
      if (sentence !== undefined) fail(`its trace ${sentence}`);
    }
    if (traces.touched && !areAlike(traces.dirty, traces.touched)) {
      fail('its trace has other intervals in touched than in written');
    }
    return traceIntervals(traces.dirty, facts.seed, traces.touched);
  }

  #readFile(folderOf: FolderOf, file: string, path: Path, facts: TraceFacts): TraceFile {
    const place = locateFile(folderOf(path), file);
    try {
      const trace = parseTrace(this.#source.read(place), this.#source.limits);
      const sentence = this.#misfit(trace, facts);
      if (sentence === undefined) return trace;
      throw new ResolveError({ path, sentence: `${file} ${sentence}` });
    } catch (error) {
      if (error instanceof TraceError) {
        throw new ResolveError({ path, sentence: `${file} ${error.message}` });
      }
      if (!(error instanceof ReadError)) throw error;
      throw new ResolveError({ path, sentence: `${place} ${error.message}` });
    }
  }

  /** Returns why a trace does not fit its region, or undefined when it does. Its runs are not expanded to pages. */
  #misfit(trace: TraceFile, { pages, pageSize }: TraceFacts): string | undefined {
    if (trace.pageSize !== pageSize) {
      return `was taken with pages of ${trace.pageSize} bytes, the guest's have ${pageSize}`;
    }
    let accesses = 0;
    for (const runs of trace.runs) {
      for (let i = 0; i < runs.length; i += 2) {
        const end = runs[i]! + runs[i + 1]!;
        if (end > pages) return `names page ${end - 1}, the region has ${pages} pages`;
        accesses += runs[i + 1]!;
      }
    }
    const before = this.#used;
    this.#used += accesses + trace.runs.length;
    const most = this.#mostAccesses;
    if (this.#used <= most) return undefined;
    const others = before > 0 ? `, and the traces before it have ${before}` : '';
    return `has ${accesses} accesses in ${trace.runs.length} intervals${others}: all traces together may have ${most} of both`;
  }
}

function areAlike(a: TraceFile, b: TraceFile): boolean {
  return a.intervalMs === b.intervalMs && a.runs.length === b.runs.length;
}
