import { fileURLToPath } from 'node:url';
import { hashWords } from '../../random/generator.ts';
import type { OvercommittedGuestSpec } from '../../runtime/virtual/overcommitted-guest.ts';
import type { RunConfig } from '../../runtime/config.ts';
import type { Path, ScenarioDocument } from '../../scenario/document.ts';
import { EVACUATION_FILES, SCENARIO_FILES, withPortableFiles } from '../../scenario/files.ts';
import { InputError, type InputProblem } from '../../scenario/input-error.ts';
import {
  foldersOf,
  loadNamed,
  type Override,
  type Preset,
  presets,
  resolveWithPlaces,
} from '../../scenario/load.ts';
import { explained, locateProblem, parseScenario, refuse } from '../../scenario/parse.ts';
import type { Scenario } from '../../scenario/schema.ts';
import { parseDuration } from '../../units/duration.ts';
import { parseRate } from '../../units/rate.ts';
import { parseSize } from '../../units/size.ts';
import { GuestDocument } from '../evacuation/guest-document.ts';
import { namesOf } from '../group-names.ts';
import { checkHost } from './check.ts';
import { checkReservations } from './check-reservations.ts';
import type { HostConfig } from './config.ts';
import { FIRST_HOST } from '../../runtime/virtual/overcommitted-moves.ts';
import { hostConfigs } from './host-configs.ts';
import { checkMigrated } from './check-migrations.ts';
import { type HostFile, hostSchema } from './schema.ts';

/** src/fleet/host and dist/fleet/host lie equally deep below the package. */
export const HOST_PRESET_FOLDER = fileURLToPath(
  new URL('../../../fixtures/hosts', import.meta.url),
);
/** This number keeps the guests' seeds apart from all else that is drawn from the file's seed. */
const GUEST_SEEDS = 0x4057;

export interface LoadedHost {
  /** The file with every default, as results keep it: the files that it names are found from any folder. */
  readonly file: HostFile;
  /** The scenario of each guest with every default, in the order of `config.guests`. */
  readonly scenarios: readonly Scenario[];
  readonly config: HostConfig;
  /** The paths of the files that were read. */
  readonly files: readonly string[];
}

/** Returns the hosts that come with the program. */
export const hostPresets = (): Preset[] => presets(HOST_PRESET_FOLDER);

/**
 * Loads an overcommitted host: a name with `/`, `.yaml`, `.yml` or `.json` is a file, `-` is standard input, and
 * anything else is a preset. A result (`pageferry/host@1`) stands for its scenario. `sets` override keys. Throws
 * InputError.
 */
export function loadHost(name: string, sets: readonly Override[] = []): LoadedHost {
  return loadNamed(name, sets, loadHostDocument, HOST_PRESET_FOLDER);
}

/** Loads a host from a document, whose files are relative to `folder`. Throws InputError. */
export function loadHostDocument(document: ScenarioDocument, folder: string): LoadedHost {
  const parsed = hostSchema.safeParse(document.value());
  if (!parsed.success) throw explained(document, parsed.error.issues, hostSchema);
  const file = parsed.data;
  refuse(document, checkHost(file));
  const groups = parseGuests(document, file);
  const sizes = groups.flatMap(({ index, group, scenario }) => {
    const bytes = parseSize(scenario.guest.memory);
    const minBytes = minimumOf(group, bytes);
    return namesOf(group).map(() => ({ group: index, bytes, minBytes }));
  });
  refuse(document, checkReservations(file, sizes, parseSize(groups[0]!.scenario.guest.pageSize)));
  const { guests, scenarios } = resolveGuests(groups, file, folder);
  const config: HostConfig = {
    seed: file.seed,
    durationNs: parseDuration(file.duration),
    sampleNs: parseDuration(file.sample),
    ...hostConfigs(file, guests, sizes),
    guests,
    migrations: migrationsOf(file, parseSize(groups[0]!.scenario.guest.pageSize)),
    changes: file.changes
      .map(({ at, ...change }) => ({ atNs: parseDuration(at), ...change }))
      .toSorted((a, b) => a.atNs - b.atNs) as HostConfig['changes'],
    isProved: file.verify === 'full',
  };
  const portable = withPortableFiles(file, EVACUATION_FILES, foldersOf(document, folder));
  return { file: portable.value, scenarios, config, files: portable.files };
}

/** Returns the migrations of a file in the order of time. */
function migrationsOf({ migrations }: HostFile, pageSize: number): HostConfig['migrations'] {
  return migrations
    .map(({ at, guest, to, balloon }) => ({
      atNs: parseDuration(at),
      guest,
      to,
      ...(balloon
        ? {
            balloon: {
              leavePages: Math.ceil(parseSize(balloon.target) / pageSize),
              withinNs: parseDuration(balloon.within),
            },
          }
        : {}),
    }))
    .toSorted((a, b) => a.atNs - b.atNs);
}

/** Returns what a guest is guaranteed, in bytes. */
const minimumOf = ({ min }: GuestGroup['group'], memoryBytes: number): number =>
  min === undefined ? memoryBytes / 2 : parseSize(min);

interface GuestGroup {
  readonly index: number;
  readonly group: HostFile['guests'][number];
  readonly document: GuestDocument;
  readonly scenario: Scenario;
}

/** Parses the scenario of each entry of `guests`. Throws an InputError that lists everything that is wrong. */
function parseGuests(document: ScenarioDocument, file: HostFile): GuestGroup[] {
  const problems: InputProblem[] = [];
  const { seed, costs } = file;
  const groups = file.guests.flatMap((group, index): GuestGroup[] => {
    const [common, own] = [file.migration ?? {}, group.migration ?? {}];
    const parts = {
      index,
      migration: own,
      common,
      linkPath: (path: Path): Path => ['link', ...path],
    };
    const written = {
      name: group.name,
      seed,
      runtime: 'virtual',
      guest: group.guest,
      ...(file.link ? { link: file.link } : {}),
      migration: { ...common, ...own },
      costs,
    };
    const guest = new GuestDocument(document, parts, written);
    try {
      return [
        { index, group, document: guest, scenario: guest.explained(() => parseScenario(guest)) },
      ];
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push(...error.problems);
      return [];
    }
  });
  const first = groups[0];
  for (const { index, scenario } of groups) {
    for (const key of ['pageSize', 'backing'] as const) {
      if (scenario.guest[key] === first!.scenario.guest[key]) continue;
      const sentence = `all guests of a host have the same ${key}, and the first one has ${first!.scenario.guest[key]}`;
      problems.push(locateProblem(document, { path: ['guests', index, 'guest', key], sentence }));
    }
  }
  for (const { index, scenario } of groups) {
    if (!scenario.guest.memoryManager?.selfBallooning) continue;
    const path = ['guests', index, 'guest', 'memoryManager', 'selfBallooning'];
    const sentence = "a host drives its guests' balloons by its own targets: leave this key out";
    problems.push(locateProblem(document, { path, sentence }));
  }
  for (const { index, group, scenario } of groups) {
    if (group.resetAt === undefined || scenario.guest.memoryManager) continue;
    const sentence = 'only a memory manager can boot anew: give guest.memoryManager too';
    problems.push(locateProblem(document, { path: ['guests', index, 'resetAt'], sentence }));
  }
  problems.push(...checkMigrated(file, groups).map((one) => locateProblem(document, one)));
  if (problems.length > 0) throw new InputError(problems);
  return groups;
}

function resolveGuests(
  groups: readonly GuestGroup[],
  file: HostFile,
  folder: string,
): { guests: OvercommittedGuestSpec[]; scenarios: Scenario[] } {
  const scenarios: Scenario[] = [];
  const guests: OvercommittedGuestSpec[] = [];
  for (const { group, document, scenario: common } of groups) {
    const folderOf = foldersOf(document, folder);
    for (const name of namesOf(group)) {
      const seed = hashWords(file.seed, guests.length, GUEST_SEEDS);
      const scenario: Scenario = { ...common, name, seed };
      const config = document.explained(() => resolveWithPlaces(document, scenario, folderOf));
      scenarios.push(withPortableFiles(scenario, SCENARIO_FILES, folderOf).value);
      guests.push(guestSpec(name, group, config));
    }
  }
  return { guests, scenarios };
}

function guestSpec(
  name: string,
  group: HostFile['guests'][number],
  config: RunConfig,
): OvercommittedGuestSpec {
  const { memoryBytes, pageSize } = config.guest;
  const { shares, populate, zeroing, balloon, start, stop, resetAt } = group;
  const pages = memoryBytes / pageSize;
  return {
    name,
    config,
    host: group.host ?? FIRST_HOST,
    grant: {
      minPages: Math.ceil(minimumOf(group, memoryBytes) / pageSize),
      // Shares in proportion to memory are what ESX gives a guest that nobody has given any.
      shares: shares ?? Math.max(1, Math.round(memoryBytes / 1024 / 1024)),
    },
    populate,
    diskNs: parseDuration(group.disk),
    ...(balloon.isOn
      ? {
          balloon: {
            pollNs: parseDuration(balloon.poll),
            pagesPerSecond: parseRate(balloon.rate) / pageSize,
            mostPages: Math.floor(balloon.most * pages),
            bootNs: parseDuration(balloon.boot),
          },
        }
      : {}),
    startNs: parseDuration(start),
    ...(stop === undefined ? {} : { stopNs: parseDuration(stop) }),
    ...(zeroing === undefined ? {} : { zeroesPerSecond: parseRate(zeroing) / pageSize }),
    ...(resetAt === undefined ? {} : { resetNs: parseDuration(resetAt) }),
  };
}
