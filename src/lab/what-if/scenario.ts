import { foldersOf, loadDocument, type LoadedScenario, openDocument } from '../../scenario/load.ts';
import type { Facts } from './facts.ts';
import type { GuestFacts, PlausibleGuest } from './guests.ts';
import type { Setting } from './settings.ts';

/** The facts that every scenario needs. */
export interface WholeFacts extends GuestFacts {
  readonly linkBytesPerSecond: number;
}

/** What makes one run, besides what is known. */
export interface RunChoice {
  readonly setting: Setting;
  readonly guest: PlausibleGuest;
  readonly seed: number;
  readonly timeoutMs: number;
}

/** Returns the scenario of a run as a plain object, as `pageferry run` takes it. */
export function scenarioOf(facts: WholeFacts, choice: RunChoice): Record<string, unknown> {
  const { setting, guest, seed, timeoutMs } = choice;
  return {
    name: `what-if-${setting.id}`,
    seed,
    runtime: 'virtual',
    guest: {
      memory: sizeText(facts.memoryBytes),
      vcpus: facts.vcpus,
      ...(setting.needsRing ? { dirtyLog: 'ring' } : {}),
      backing: 'versions',
      contents: contentsOf(facts),
      workloads: [writtenDown(guest.workload)],
      deviceProfile: 'kvm',
    },
    link: {
      bandwidth: rateText(facts.linkBytesPerSecond),
      ...(facts.latencyMs === undefined ? {} : { latency: `${facts.latencyMs * 1000}us` }),
    },
    migration: {
      ...setting.migration,
      ...(facts.maxBytesPerSecond === undefined
        ? {}
        : { maxBandwidth: rateText(facts.maxBytesPerSecond) }),
      startAfter: `${guest.startAfterMs}ms`,
      runAfter: '0s',
      timeout: `${timeoutMs}ms`,
    },
    verify: 'off',
  };
}

function contentsOf({ memoryBytes, usedBytes }: Facts): unknown[] {
  if (usedBytes === undefined || usedBytes >= memoryBytes!) return [{ kind: 'random' }];
  const size = Math.max(1, Math.round(usedBytes / 4096)) * 4096;
  return [{ kind: 'random', region: { start: 0, size: sizeText(size) } }];
}

/** Returns a workload with its region's size as people write it. */
function writtenDown(workload: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { region, rate, ...others } = workload;
  const { start, size } = region as { start: number; size: number };
  return {
    ...others,
    region: { start, size: sizeText(size) },
    ...(rate === undefined ? {} : { rate }),
  };
}

/** Loads a scenario with overrides of its keys, however little memory this machine has. Throws InputError. */
export function loadRun(
  scenario: Readonly<Record<string, unknown>>,
  sets: readonly string[],
): LoadedScenario {
  const document = openDocument('what-if', JSON.stringify(scenario), sets);
  return loadDocument(document, foldersOf(document, process.cwd()), Infinity);
}

/** What differs between the runs of a setting. */
const OF_THE_GUEST = /^(?:guest\.workloads|guest=|seed|migration\.startAfter)/;

/**
 * Loads the runs of one setting. All share one scenario but for their guests, whose workloads take a second to check
 * when they are large; so these are put in as they are, unless an override changes them. Throws InputError.
 */
export function loadRuns(
  facts: WholeFacts,
  choices: readonly RunChoice[],
  sets: readonly string[],
): Pick<LoadedScenario, 'scenario' | 'config'>[] {
  const [first] = choices;
  if (!first) return [];
  if (sets.some((set) => OF_THE_GUEST.test(set))) {
    return choices.map((choice) => loadRun(scenarioOf(facts, choice), sets));
  }
  const whole = scenarioOf(facts, first);
  const bare = { ...whole, guest: { ...(whole['guest'] as object), workloads: [] } };
  const { scenario, config } = loadRun(bare, sets);
  return choices.map(({ guest, seed }) => ({
    scenario,
    config: {
      ...config,
      seed,
      guest: { ...config.guest, workloads: [guest.resolved] },
      migration: { ...config.migration, startAfterNs: guest.startAfterMs * 1e6 },
    },
  }));
}

const SIZES = [
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
] as const;

/** Writes a size without rounding it. */
export function sizeText(bytes: number): string | number {
  const unit = SIZES.find(([, size]) => bytes % size === 0 && bytes > 0);
  return unit ? `${bytes / unit[1]}${unit[0]}` : bytes;
}

/** Writes a rate in the unit in which it is a whole number. */
export function rateText(bytesPerSecond: number): string {
  if (bytesPerSecond === Infinity) return 'unlimited';
  const bits = bytesPerSecond * 8;
  if (bits % 1e9 === 0) return `${bits / 1e9}Gbit/s`;
  if (bits % 1e6 === 0) return `${bits / 1e6}Mbit/s`;
  return `${bytesPerSecond}B/s`;
}
