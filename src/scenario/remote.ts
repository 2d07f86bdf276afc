import { join } from 'node:path';
import { TRACE_LIMITS } from '../guest/trace-file.ts';
import type { RunConfig } from '../runtime/config.ts';
import { type BodyOf, MOST_FILE_BYTES } from '../runtime/process/messages.ts';
import { NotAdmitted, type ReceiverLimits } from '../runtime/process/receiver.ts';
import { formatSize, parseSize } from '../units/size.ts';
import { ScenarioDocument } from './document.ts';
import { formatKey, InputError, type InputProblem } from './input-error.ts';
import { locateFile } from './files.ts';
import { loadDocument } from './load.ts';
import { parseScenario } from './parse.ts';
import { ReadError, readBytes } from './read-text.ts';
import { ResolveError } from './resolve-error.ts';
import type { Scenario, ScenarioWorkload } from './schema.ts';
import { TraceReader } from './traces.ts';

/** A scenario as it is offered to a receiver. */
export type Offered = Pick<BodyOf<'offer'>, 'scenario' | 'files'>;
type SentFile = Offered['files'][number];

/** What messages call a scenario that somebody has sent. */
const SOURCE = 'the offered scenario';
/** The folder that the files of senders seem to be in. */
const NO_FOLDER = '/sent';

/** Returns what in a scenario can't be sent to another process; `place` is what messages call the scenario. */
export function unsendable({ guest, link, migration }: Scenario, place: string): InputProblem[] {
  const problems: InputProblem[] = [];
  const add = (key: readonly (string | number)[], sentence: string): void =>
    void problems.push({ place, key: formatKey(key), sentence });
  guest.workloads.forEach((workload, index) => {
    if (workload.pattern !== 'trace' || typeof workload.trace.file === 'string') return;
    const key = ['guest', 'workloads', index, 'trace', 'file', 'module'];
    add(key, 'a module that makes a trace is not sent: write its trace to a file');
  });
  const bytes = tracesOf(guest.workloads).files.reduce((sum, file) => sum + file.bytes.length, 0);
  if (bytes > MOST_FILE_BYTES) {
    const most = formatSize(MOST_FILE_BYTES);
    const sentence = `its traces have ${formatSize(bytes)}, and ${most} can be sent: pack them with brotli or gzip, or cut them`;
    add(['guest', 'workloads'], sentence);
  }
  if ((migration.channels ?? 1) > 1) {
    add(
      ['migration', 'channels'],
      'several channels are not built yet between two processes: leave them out',
    );
  }
  if (link.outages.length > 0) {
    add(['link', 'outages'], 'a real connection has no outages on demand: leave them out');
  }
  return problems;
}

const named = (kind: unknown, fallback: string): unknown =>
  typeof kind === 'string' ? kind : fallback;

/**
 * Returns the part of a scenario that a receiver needs, as JSON, and the files of its traces. The contents of the guest's
 * memory are left out, as its pages come over the connection, and so are modules with policies and page orders, which
 * only the source asks.
 */
export function offerOf(scenario: Scenario): Offered {
  const { guest, migration } = scenario;
  const { workloads, files } = tracesOf(guest.workloads);
  const json = JSON.stringify({
    ...scenario,
    guest: { ...guest, contents: [], workloads },
    migration: {
      ...migration,
      policy: named(migration.policy, 'qemu'),
      pageOrder: named(migration.pageOrder, 'follow'),
    },
  });
  return { scenario: json, files };
}

/** Reads the files of traces, and gives the workloads the names under which they are sent. */
function tracesOf(workloads: readonly ScenarioWorkload[]): {
  readonly workloads: readonly unknown[];
  readonly files: SentFile[];
} {
  const files: SentFile[] = [];
  const take = (file: unknown): unknown => {
    if (typeof file !== 'string') return file;
    const name = `trace-${files.length}`;
    files.push({ name, bytes: readBytes(locateFile('/', file), TRACE_LIMITS.bytes) });
    return name;
  };
  const renamed = workloads.map((workload) => {
    if (workload.pattern !== 'trace') return workload;
    const { file, touched, ...rest } = workload.trace;
    const others = touched === undefined ? {} : { touched: take(touched) };
    return { ...workload, trace: { ...rest, file: take(file), ...others } };
  });
  return { workloads: renamed, files };
}

/**
 * Makes the configuration of a guest from a scenario that somebody has sent. Its limits are checked before anything is
 * planned or allocated, and no file is opened whatever the scenario names. Throws NotAdmitted.
 */
export function admitScenario(
  { scenario: json, files }: Offered,
  limits: ReceiverLimits,
): RunConfig {
  try {
    // JSON alone is taken, since YAML has aliases, which can make much of little.
    const document = new ScenarioDocument(SOURCE, JSON.stringify(JSON.parse(json)), false);
    checkLimits(parseScenario(document), limits);
    return loadDocument(document, sentFiles, Infinity, traceReader(files, limits)).config;
  } catch (error) {
    if (error instanceof SyntaxError) throw new NotAdmitted('the offered scenario is not JSON');
    if (!(error instanceof InputError)) throw error;
    throw new NotAdmitted(error.message);
  }
}

function checkLimits({ guest, runtime }: Scenario, limits: ReceiverLimits): void {
  const bytes = parseSize(guest.memory);
  if (bytes > limits.memoryBytes) {
    throw new NotAdmitted(
      `the guest has ${formatSize(bytes)}, this receiver has room for ${formatSize(Math.max(0, limits.memoryBytes))}: send a smaller guest, or start the receiver with a larger --max-memory`,
    );
  }
  if (guest.vcpus > limits.vcpus) {
    throw new NotAdmitted(
      `the guest has ${guest.vcpus} vCPUs, this receiver takes ${limits.vcpus}: send a smaller guest, or start the receiver with a larger --max-vcpus`,
    );
  }
  if (runtime === 'virtual') throw new NotAdmitted('a virtual guest can not be sent');
  if (tableBytesOf(guest) > limits.memoryBytes) {
    throw new NotAdmitted(
      'the tables of its workloads need more memory than this receiver has room for: send fewer workloads',
    );
  }
}

/** Streams that draw pages by weight have tables with two entries of 4 bytes for each page (guest/plan-size.ts). */
const TABLE_BYTES = 8;

/** Returns how much memory the tables of a guest's workloads need at most. */
function tableBytesOf({ workloads, memory, pageSize }: Scenario['guest']): number {
  const bytes = workloads
    .filter(({ pattern }) => pattern !== 'uniform' && pattern !== 'sequential')
    .reduce((sum, { region }) => sum + parseSize(region?.size ?? memory), 0);
  return (bytes / parseSize(pageSize)) * TABLE_BYTES;
}

/** No file of this machine is opened for a stranger; those of traces have been sent, and are in no folder. */
function sentFiles(path: readonly (string | number)[]): string {
  const key = path.at(-1);
  if (path.includes('trace') && (key === 'file' || key === 'touched')) return NO_FOLDER;
  const sentence = 'files and modules are not taken from senders';
  throw new ResolveError({ path: [...path], sentence });
}

/** Returns a reader of the traces that have been sent. What they may unpack to depends on the room for the guest. */
function traceReader(files: readonly SentFile[], { memoryBytes }: ReceiverLimits): TraceReader {
  const accesses = Math.min(TRACE_LIMITS.accesses, Math.floor(memoryBytes / 16));
  const bytes = Math.min(TRACE_LIMITS.bytes, memoryBytes);
  return new TraceReader(accesses, {
    limits: { ...TRACE_LIMITS, accesses, bytes },
    read(place) {
      const file = files.find(({ name }) => join(NO_FOLDER, name) === place);
      if (!file) throw new ReadError('is not among the files that were sent');
      return file.bytes;
    },
  });
}
