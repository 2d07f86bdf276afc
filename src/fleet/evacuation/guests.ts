import { unforcedReason } from '../../migration/spec/needs.ts';
import { hashWords } from '../../random/generator.ts';
import type { RunConfig } from '../../runtime/config.ts';
import type { ScenarioDocument } from '../../scenario/document.ts';
import { formatProblem, InputError, type InputProblem } from '../../scenario/input-error.ts';
import { SCENARIO_FILES, withPortableFiles } from '../../scenario/files.ts';
import { foldersOf, resolveWithPlaces } from '../../scenario/load.ts';
import { locateProblem, parseScenario, refuse } from '../../scenario/parse.ts';
import { NEEDS_BYTES } from '../../scenario/references.ts';
import type { Scenario } from '../../scenario/schema.ts';
import { TraceReader } from '../../scenario/traces.ts';
import { parseDuration } from '../../units/duration.ts';
import { parseRate } from '../../units/rate.ts';
import { parseSize } from '../../units/size.ts';
import { namesOf } from '../group-names.ts';
import { sourceOf } from './check.ts';
import type { EvacuatedGuest } from './config.ts';
import { GuestDocument } from './guest-document.ts';
import type { EvacuationFile } from './schema.ts';

/** An entry of a file's `guests`, and the scenario that all of its guests have. */
interface GuestGroup {
  readonly entry: EvacuationFile['guests'][number];
  readonly document: GuestDocument;
  readonly scenario: Scenario;
}

/** This number keeps the guests' seeds apart from all else that is drawn from the file's seed. */
const GUEST_SEEDS = 0xe7ac;

/** Parses the scenario of each entry of a file's `guests`. Throws an InputError that lists everything that is wrong. */
export function parseGroups(document: ScenarioDocument, file: EvacuationFile): GuestGroup[] {
  const problems: InputProblem[] = [];
  let more = 0;
  const ways = new Map<string | undefined, Quantity>();
  const groups = file.guests.flatMap((entry, index): GuestGroup[] => {
    const way = ways.get(entry.target) ?? wayOf(file, entry.target);
    ways.set(entry.target, way);
    const parts = { index, migration: entry.migration ?? {}, common: file.migration ?? {} };
    const guest = new GuestDocument(document, parts, scenarioOf(file, entry, way));
    try {
      const options = { mayForcePostcopy: entry.onDiverged === 'postcopy' };
      const scenario = guest.explained(() => parseScenario(guest, options));
      problems.push(...divergedProblems(document, index, entry, scenario));
      problems.push(...channelProblems(document, index, entry, scenario));
      return [{ entry, document: guest, scenario }];
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push(...error.problems);
      more += error.more;
      return [];
    }
  });
  if (problems.length > 0) throw new InputError(unique(problems), more);
  return groups;
}

/** Returns a problem when `onDiverged` is to force a migration that has no live rounds, and so always converges. */
function divergedProblems(
  document: ScenarioDocument,
  index: number,
  { onDiverged }: GuestGroup['entry'],
  { migration }: Scenario,
): InputProblem[] {
  const sentence = onDiverged === 'leave' ? undefined : unforcedReason(migration.algorithm);
  if (sentence === undefined) return [];
  return [locateProblem(document, { path: ['guests', index, 'onDiverged'], sentence })];
}

/** In threads one thread alone can use a guest's share of links that others use too. */
function channelProblems(
  document: ScenarioDocument,
  index: number,
  entry: GuestGroup['entry'],
  { runtime, migration }: Scenario,
): InputProblem[] {
  if (runtime !== 'threads' || (migration.channels ?? 1) === 1) return [];
  const isOwn = Object.hasOwn(entry.migration ?? {}, 'channels');
  const path = [...(isOwn ? ['guests', index] : []), 'migration', 'channels'];
  const sentence =
    'several channels are not built yet where guests share links in threads: leave them out, or set runtime: virtual';
  return [locateProblem(document, { path, sentence })];
}

/** Drops repeated problems, because a problem of a key that guests share is found for each of them. */
function unique(problems: readonly InputProblem[]): InputProblem[] {
  return [...new Map(problems.map((problem) => [formatProblem(problem), problem])).values()];
}

/** Returns a guest's scenario as it would be written in a file of its own; `bandwidth` is that of its way. */
function scenarioOf(
  file: EvacuationFile,
  entry: GuestGroup['entry'],
  bandwidth: Quantity,
): Record<string, unknown> {
  const { seed, runtime, core, costs, verify } = file;
  return {
    name: entry.name,
    seed,
    runtime,
    guest: entry.guest,
    link: { bandwidth, latency: core.latency },
    migration: { ...file.migration, ...entry.migration },
    costs,
    verify,
  };
}

type Quantity = string | number;

/** Returns the least capacity on the way to a target; without a target, that of the way that carries most. */
function wayOf(file: EvacuationFile, target: string | undefined): Quantity {
  const source = sourceOf(file);
  const nicOf = (host: string): Quantity => file.hosts.find(({ name }) => name === host)!.nic;
  const ways = file.hosts
    .filter(({ name }) => name !== source && (target === undefined || name === target))
    .map(({ nic }) => least([file.core.bandwidth, nicOf(source), nic]));
  return ways.reduce((best, way) => (parseRate(way) > parseRate(best) ? way : best));
}

function least(rates: readonly Quantity[]): Quantity {
  return rates.reduce((best, rate) => (parseRate(rate) < parseRate(best) ? rate : best));
}

/**
 * Returns all guests of a file and their scenarios, in the same order; an entry with a count gives that many guests,
 * one after another. Traces and images are relative to `folder`. Throws InputError for a guest that can't run on this
 * machine.
 */
export function resolveGroups(
  groups: readonly GuestGroup[],
  file: EvacuationFile,
  folder: string,
  availableBytes: number,
): { guests: EvacuatedGuest[]; scenarios: Scenario[] } {
  const startAfter = longest(groups.map(({ scenario }) => scenario.migration.startAfter));
  const members = groups.flatMap((group) => namesOf(group.entry).map((name) => ({ group, name })));
  const withBytes = sampleOf(
    members.map(({ group }) => group),
    file,
  );
  const resolver = new Resolver(folder, availableBytes);
  const guests: EvacuatedGuest[] = [];
  const scenarios: Scenario[] = [];
  for (const [index, { group, name }] of members.entries()) {
    const hasBytes = withBytes.has(index);
    if (!hasBytes) refuseComparisons(group);
    if (file.runtime === 'threads') refuseReferences(group);
    const scenario: Scenario = {
      ...group.scenario,
      name,
      seed: hashWords(file.seed, index, GUEST_SEEDS),
      guest: { ...group.scenario.guest, backing: hasBytes ? 'bytes' : 'versions' },
      migration: { ...group.scenario.migration, startAfter },
    };
    const folderOf = foldersOf(group.document, folder);
    scenarios.push(withPortableFiles(scenario, SCENARIO_FILES, folderOf).value);
    guests.push({
      name,
      config: resolver.resolve(group, scenario),
      onDiverged: group.entry.onDiverged,
      ...(group.entry.deadline === undefined
        ? {}
        : { deadlineNs: parseDuration(group.entry.deadline) }),
      ...(group.entry.target === undefined ? {} : { target: group.entry.target }),
      hasBytes,
    });
  }
  return { guests, scenarios };
}

/** Refuses encodings that look at the bytes of pages where the sample leaves a guest without real bytes. Throws InputError. */
function refuseComparisons({ document, scenario }: GuestGroup): void {
  const { encodings } = scenario.migration;
  const index = encodings.findIndex((one) => one !== 'zero');
  if (index < 0) return;
  const path = ['migration', 'encodings', index];
  const sentence = `${encodings[index]} ${NEEDS_BYTES} guest.backing: bytes, or a larger sample`;
  document.explained(() => refuse(document, [{ path, sentence }]));
}

/** Refuses references to pages of other guests, which are played by other threads. Throws InputError. */
function refuseReferences({ document, scenario }: GuestGroup): void {
  const index = scenario.migration.encodings.indexOf('reference');
  if (index < 0) return;
  const path = ['migration', 'encodings', index];
  const sentence =
    'reference is not built yet for evacuations in runtime threads: leave it out, or set runtime: virtual';
  document.explained(() => refuse(document, [{ path, sentence }]));
}

/** Returns the longest of the guests' `startAfter`, as all guests run for that long before the evacuation begins. */
function longest(durations: readonly Quantity[]): Quantity {
  return durations.reduce((best, one) => (parseDuration(one) > parseDuration(best) ? one : best));
}

/**
 * Returns the indices of the guests with real bytes: those whose entry says so, and of the guests whose entry says
 * nothing as many of the smallest as `sample` is. In real time all guests have real bytes.
 */
function sampleOf(groups: readonly GuestGroup[], { runtime, sample }: EvacuationFile): Set<number> {
  const backings = groups.map(({ entry }) => entry.guest['backing']);
  const indices = groups.map((_, index) => index);
  // A guest whose entry says `versions` keeps them here, and the checks of its scenario refuse them.
  if (runtime === 'threads') return new Set(indices.filter((i) => backings[i] !== 'versions'));
  const bytes = groups.map(({ scenario }) => parseSize(scenario.guest.memory));
  const smallest = indices
    .filter((index) => backings[index] === undefined)
    .toSorted((a, b) => bytes[a]! - bytes[b]! || a - b)
    .slice(0, sample);
  return new Set([...smallest, ...indices.filter((index) => backings[index] === 'bytes')]);
}

/** Resolves scenarios. Scenarios of one group that differ in their seeds alone are resolved once. */
class Resolver {
  readonly #folder: string;
  readonly #availableBytes: number;
  readonly #traces = new TraceReader();
  readonly #configs = new Map<GuestGroup, Map<string, RunConfig>>();

  constructor(folder: string, availableBytes: number) {
    this.#folder = folder;
    this.#availableBytes = availableBytes;
  }

  resolve(group: GuestGroup, scenario: Scenario): RunConfig {
    // The order within a trace's intervals depends on the seed, so such a scenario is always resolved anew.
    const isSeeded = scenario.guest.workloads.some(({ pattern }) => pattern === 'trace');
    const known = this.#configs.get(group) ?? new Map<string, RunConfig>();
    const like = isSeeded ? undefined : known.get(scenario.guest.backing);
    const config = like ?? this.#resolved(group, scenario);
    this.#configs.set(group, known.set(scenario.guest.backing, config));
    return { ...config, seed: scenario.seed };
  }

  #resolved({ document }: GuestGroup, scenario: Scenario): RunConfig {
    const folderOf = foldersOf(document, this.#folder);
    return document.explained(() =>
      resolveWithPlaces(document, scenario, folderOf, this.#availableBytes, this.#traces),
    );
  }
}
