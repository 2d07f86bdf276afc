import { fileURLToPath } from 'node:url';
import type { ReplicationConfig } from '../../replication/config.ts';
import type { RunConfig } from '../../runtime/config.ts';
import type { ProtectConfig, TroubleAt } from '../../runtime/virtual/replication/config.ts';
import { type Anchor, type Path, ScenarioDocument } from '../../scenario/document.ts';
import { SCENARIO_FILES, withPortableFiles } from '../../scenario/files.ts';
import {
  foldersOf,
  loadNamed,
  type Override,
  type Preset,
  presets,
  resolveWithPlaces,
} from '../../scenario/load.ts';
import { explained, parseScenario, refuse } from '../../scenario/parse.ts';
import { parseDuration } from '../../units/duration.ts';
import { parseRate } from '../../units/rate.ts';
import { parseSize } from '../../units/size.ts';
import { checkGuest, checkProtect } from './check.ts';
import { coloConfig, withColoDefaults } from './colo.ts';
import { fenceSchema, type ProtectFile, protectSchema } from './schema.ts';

/** src/fleet/protect and dist/fleet/protect lie equally deep below the package. */
export const PROTECT_PRESET_FOLDER = fileURLToPath(
  new URL('../../../fixtures/protections', import.meta.url),
);
/** Costs of a page hold for this many bytes, and grow with the page size. */
const COSTED_PAGE = 4096;

/** The share of their time that deadline scheduling takes from the vCPUs, when the file does not say. */
const SLOW_THROTTLE = 0.8;

export interface LoadedProtection {
  /** The file with every default, as results keep it: the files that it names are found from any folder. */
  readonly file: ProtectFile;
  readonly config: ProtectConfig;
  /** The paths of the files that were read. */
  readonly files: readonly string[];
}

/** Returns the protected guests that come with the program. */
export const protectPresets = (): Preset[] => presets(PROTECT_PRESET_FOLDER);

/**
 * Loads a protected guest: a name with `/`, `.yaml`, `.yml` or `.json` is a file, `-` is standard input, and anything
 * else is a preset. A result (`pageferry/protect@1`) stands for its scenario. `sets` override keys. Throws InputError.
 */
export function loadProtection(name: string, sets: readonly Override[] = []): LoadedProtection {
  return loadNamed(name, sets, loadProtectDocument, PROTECT_PRESET_FOLDER);
}

/** Loads a protected guest from a document, whose files are relative to `folder`. Throws InputError. */
export function loadProtectDocument(document: ScenarioDocument, folder: string): LoadedProtection {
  const parsed = protectSchema.safeParse(withColoDefaults(document.value()));
  if (!parsed.success) throw explained(document, parsed.error.issues, protectSchema);
  const file = parsed.data;
  refuse(document, checkProtect(file));
  const folderOf = foldersOf(document, folder);
  const { name, seed, runtime, guest, link, migration, costs } = file;
  const written = { name, seed, runtime, verify: 'full', guest, link, migration, costs };
  const given = Object.entries(written).filter(([, value]) => value !== undefined);
  const part = new ScenarioPart(document, Object.fromEntries(given));
  const scenario = parseScenario(part);
  const run = resolveWithPlaces(document, scenario, folderOf);
  refuse(document, checkGuest(file, run));
  // Parsing puts the keys in the order of the schema, so that a result that is run again gives itself.
  const whole = protectSchema.parse({
    ...file,
    guest: scenario.guest,
    link: scenario.link,
    migration: scenario.migration,
    costs: scenario.costs,
  });
  const portable = withPortableFiles(whole, SCENARIO_FILES, folderOf);
  return {
    file: portable.value,
    config: configOf(file, run),
    files: portable.files,
  };
}

/** The scenario within the file of a protected guest, whose keys stand at the same places there. */
class ScenarioPart extends ScenarioDocument {
  readonly #file: ScenarioDocument;
  readonly #value: unknown;

  constructor(file: ScenarioDocument, value: unknown) {
    super(file.source, '');
    this.#file = file;
    this.#value = value;
  }

  override value(): unknown {
    return this.#value;
  }

  override isSet(path: Path): boolean {
    return this.#file.isSet(path);
  }

  override place(path: Path, anchor: Anchor): string {
    return this.#file.place(path, anchor);
  }
}

function configOf(file: ProtectFile, run: RunConfig): ProtectConfig {
  const { outputs, disk, replication, duration, verify, seed } = file;
  const blockBytes = disk && parseSize(disk.blockSize);
  return {
    run,
    replication: {
      ...replicationOf(replication, run.guest.pageSize),
      ...coloConfig(replication, seed),
    },
    emissions: {
      packets: outputs,
      ...(disk && blockBytes
        ? {
            disk: {
              shape: { blocks: parseSize(disk.size) / blockBytes, blockBytes, seed },
              writes: disk.writes,
            },
          }
        : {}),
    },
    diskBytesPerSecond: disk ? parseRate(disk.bandwidth) : Infinity,
    durationNs: parseDuration(duration),
    spares: replication.spares,
    troubles: troublesOf(replication.killAt),
    isProved: verify === 'full',
  };
}

function troublesOf(killAt: ProtectFile['replication']['killAt']): TroubleAt[] {
  if (!Array.isArray(killAt)) return [{ atNs: parseDuration(killAt), what: 'primary' }];
  return killAt
    .map(({ at, what }) => ({ atNs: parseDuration(at), what }))
    .toSorted((a, b) => a.atNs - b.atNs);
}

function replicationOf(written: ProtectFile['replication'], pageSize: number): ReplicationConfig {
  const { interval, heartbeat, fence, costs, optimisations, deadline } = written;
  const scale = pageSize / COSTED_PAGE;
  const lease = fence === true ? fenceSchema.parse({}) : fence;
  return {
    intervalNs: interval === 'fastest' ? 0 : parseDuration(interval),
    capture: written.buffer,
    capturePages: written.bufferPages,
    compression: written.compression,
    cachePages: written.cachePages,
    netBuffer: written.netBuffer,
    diskBuffer: written.diskBuffer,
    heartbeatNs: parseDuration(heartbeat.interval),
    silenceNs: parseDuration(heartbeat.timeout),
    ...(lease
      ? { fence: { leaseNs: parseDuration(lease.lease), latencyNs: parseDuration(lease.latency) } }
      : {}),
    ...(deadline
      ? { deadline: { ...deadline, throttle: deadline.throttle ?? SLOW_THROTTLE } }
      : {}),
    costs: {
      checkpointNs: parseDuration(costs.checkpoint),
      suspendNs: optimisations.eventChannel ? 0 : parseDuration(costs.xenstore),
      filterNs: optimisations.filterClean ? 0 : parseDuration(costs.filter),
      mapNs: optimisations.mapOnce ? 0 : parseDuration(costs.map) * scale,
      stagingNs: parseDuration(costs.staging) * scale,
      protectNs: parseDuration(costs.protect),
      copyNs: parseDuration(costs.copy) * scale,
      sendNs: parseDuration(costs.send) * scale,
      xorNs: parseDuration(costs.xor) * scale,
      deflateNs: parseDuration(costs.deflate) * scale,
      contention: costs.contention,
      applyNs: parseDuration(costs.apply) * scale,
      activateNs: parseDuration(costs.activate),
    },
  };
}
