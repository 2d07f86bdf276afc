import type { RunConfig } from '../runtime/config.ts';
import { NotAdmitted, type ReceiverLimits } from '../runtime/process/receiver.ts';
import { formatSize, parseSize } from '../units/size.ts';
import { ScenarioDocument } from './document.ts';
import { formatKey, InputError, type InputProblem } from './input-error.ts';
import { loadDocument } from './load.ts';
import { parseScenario } from './parse.ts';
import { ResolveError } from './resolve-error.ts';
import type { Scenario } from './schema.ts';

/** What a receiver has to know of a scenario besides its own name in messages. */
const SOURCE = 'the offered scenario';

/** Returns what in a scenario can't be sent to another process; `place` is what messages call the scenario. */
export function unsendable({ guest, link }: Scenario, place: string): InputProblem[] {
  const problems: InputProblem[] = [];
  const add = (key: readonly (string | number)[], sentence: string): void =>
    void problems.push({ place, key: formatKey(key), sentence });
  guest.workloads.forEach(({ pattern }, index) => {
    if (pattern !== 'trace') return;
    add(
      ['guest', 'workloads', index, 'trace'],
      'files of traces are not sent: use another pattern',
    );
  });
  if (link.outages.length > 0) {
    add(['link', 'outages'], 'a real connection has no outages on demand: leave them out');
  }
  return problems;
}

const named = (kind: unknown, fallback: string): unknown =>
  typeof kind === 'string' ? kind : fallback;

/**
 * Returns the part of a scenario that a receiver needs, as JSON. The contents of the guest's memory are left out, as its
 * pages come over the connection, and so are modules with policies and page orders, which only the source asks.
 */
export function offeredScenario(scenario: Scenario): string {
  const { guest, migration } = scenario;
  return JSON.stringify({
    ...scenario,
    guest: { ...guest, contents: [] },
    migration: {
      ...migration,
      policy: named(migration.policy, 'qemu'),
      pageOrder: named(migration.pageOrder, 'follow'),
    },
  });
}

/**
 * Makes the configuration of a guest from a scenario that somebody has sent. Its limits are checked before anything is
 * planned or allocated, and no file is opened whatever the scenario names. Throws NotAdmitted.
 */
export function admitScenario(json: string, limits: ReceiverLimits): RunConfig {
  try {
    // JSON alone is taken, since YAML has aliases, which can make much of little.
    const document = new ScenarioDocument(SOURCE, JSON.stringify(JSON.parse(json)), false);
    checkLimits(parseScenario(document), limits);
    return loadDocument(document, noFiles, Infinity).config;
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
}

/** No file of this machine is opened for a stranger. */
function noFiles(path: readonly (string | number)[]): never {
  throw new ResolveError({
    path: [...path],
    sentence: 'files and modules are not taken from senders',
  });
}
