import { hashWords } from '../../random/generator.ts';
import type { RunConfig } from '../../runtime/config.ts';
import type { Path, ScenarioDocument } from '../../scenario/document.ts';
import { formatProblem, InputError, type InputProblem } from '../../scenario/input-error.ts';
import { foldersOf, resolveWithPlaces } from '../../scenario/load.ts';
import { locateProblem, parseScenario } from '../../scenario/parse.ts';
import type { Problem } from '../../scenario/problem.ts';
import type { Scenario } from '../../scenario/schema.ts';
import { GuestDocument } from '../evacuation/guest-document.ts';
import { namesOf } from '../group-names.ts';
import { meanOf } from './applications/distribution.ts';
import { checkUplinks } from './check-uplinks.ts';
import { distributionOf } from './applications/read.ts';
import { parseDuration } from '../../units/duration.ts';
import { parseRate } from '../../units/rate.ts';
import { isSampleable } from './monitor/page-samples.ts';
import { membersCalled, membersOf } from './names.ts';
import type { FleetFile } from './schema.ts';

type Keys = Record<string, unknown>;

/** These keys of a migration say what a fleet decides itself. */
const REFUSED: Readonly<Record<string, string>> = {
  startAfter: "the policy says when a fleet's guests migrate: leave startAfter out",
  runAfter: "a fleet's guests live on after their migrations: leave runAfter out",
};

/** This number keeps the guests' seeds apart from all else that is drawn from the file's seed. */
const GUEST_SEEDS = 0xf1e7;

/** A guest of a fleet, complete. */
export interface LoadedGuest {
  readonly name: string;
  readonly group: number;
  readonly isServing: boolean;
  readonly config: RunConfig;
}

/** What the requests of a tier make of its guests. */
interface Serving {
  readonly pagesPerRequest: number;
  readonly serviceNs: number;
}

/**
 * Returns all guests of a file; a group with a count gives that many, one after another. Traces and images are relative
 * to `folder`. Throws an InputError that lists everything that is wrong.
 */
export function loadGuests(
  document: ScenarioDocument,
  file: FleetFile,
  folder: string,
): { readonly guests: LoadedGuest[]; readonly scenarios: Scenario[] } {
  const serving = servingOf(file);
  const problems: InputProblem[] = [];
  const refused = checkMigration(file.migration);
  if (refused) problems.push(locateProblem(document, refused));
  const nic = fastestLink(file);
  const guests: LoadedGuest[] = [];
  const scenarios: Scenario[] = [];
  for (const [group, entry] of file.guests.entries()) {
    const names = namesOf(entry);
    const serves = serving.get(names[0]!);
    const [migration, common] = [entry.migration ?? {}, file.migration ?? {}];
    const parts = { index: group, migration, common, linkPath: linkPathOf(nic) };
    const written = scenarioOf(file, entry, serves, nic);
    const one = new GuestDocument(document, parts, written);
    const wrong = checkWritten(entry, serves, names, serving);
    if (wrong) {
      const path = ['guests', group, ...wrong.path];
      problems.push(locateProblem(document, { path, sentence: wrong.sentence }));
      continue;
    }
    try {
      const scenario = one.explained(() => parseScenario(one));
      const config = one.explained(() => resolveWithPlaces(one, scenario, foldersOf(one, folder)));
      const impossible = checkGuest(file, group, config.guest);
      if (impossible.length > 0) {
        throw new InputError(impossible.map((problem) => locateProblem(document, problem)));
      }
      scenarios.push(scenario);
      for (const name of names) {
        const seed = hashWords(file.seed, guests.length, GUEST_SEEDS);
        guests.push({ name, group, isServing: serves !== undefined, config: { ...config, seed } });
      }
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      // What is wrong with the network is wrong for all groups.
      problems.push(...error.problems.filter((problem) => !includes(problems, problem)));
    }
  }
  if (problems.length > 0) throw new InputError(problems);
  return { guests, scenarios };
}

/** Returns what each guest that serves requests does for one, by name. */
function servingOf({ applications, guests }: FleetFile): Map<string, Serving> {
  const serving = new Map<string, Serving>();
  for (const { tiers } of applications) {
    for (const { guests: name, service, pagesPerRequest } of tiers) {
      const serviceNs = meanOf(distributionOf(service, parseDuration));
      for (const one of membersCalled(guests, name) ?? []) {
        serving.set(one, { pagesPerRequest, serviceNs });
      }
    }
  }
  return serving;
}

/** Returns what is wrong with the keys of a migration, as written. */
function checkMigration(migration: Keys = {}): Problem | undefined {
  const key = Object.keys(REFUSED).find((one) => one in migration);
  return key === undefined ? undefined : { path: ['migration', key], sentence: REFUSED[key]! };
}

/** Returns what is impossible about a complete guest in its fleet. */
function checkGuest(
  file: FleetFile,
  group: number,
  { vcpus, workloads, pageSize }: RunConfig['guest'],
): Problem[] {
  const problems = checkUplinks(file, pageSize);
  const { cpus } = file.guests[group]!;
  if (cpus !== undefined && cpus > vcpus) {
    const sentence = `expected at most guest.vcpus, which is ${vcpus}, got ${cpus}: a guest has no more vCPUs than that`;
    problems.push({ path: ['guests', group, 'cpus'], sentence });
  }
  if (file.monitor.workingSet && !workloads.every(isSampleable)) {
    const sentence =
      'monitor.workingSet samples guests whose workloads have a rate, not traces, ticks or max: give it a rate, or leave workingSet out';
    problems.push({ path: ['guests', group, 'guest', 'workloads'], sentence });
  }
  return problems;
}

const includes = (problems: readonly InputProblem[], problem: InputProblem): boolean =>
  problems.some((one) => formatProblem(one) === formatProblem(problem));

/** Returns what is wrong with a group whose guests serve requests, or only some of them do. */
function checkWritten(
  { guest, migration }: FleetFile['guests'][number],
  serves: Serving | undefined,
  names: readonly string[],
  serving: ReadonlyMap<string, Serving>,
): Problem | undefined {
  if (names.some((name) => serving.has(name) !== (serves !== undefined))) {
    const sentence = 'some guests of this group serve requests and some do not: make two groups';
    return { path: ['name'], sentence };
  }
  const refused = checkMigration(migration);
  if (refused) return refused;
  const workloads = guest['workloads'];
  if (!serves || !Array.isArray(workloads)) return undefined;
  if (workloads.length > 1) {
    const sentence = 'the pages of requests are those of one workload: leave the others out';
    return { path: ['guest', 'workloads'], sentence };
  }
  if (workloads.length === 0 || (workloads[0] as Keys)['rate'] === undefined) return undefined;
  const sentence =
    "a guest that serves requests accesses pages as they come: leave the rate out, and give its tier's pagesPerRequest";
  return { path: ['guest', 'workloads', 0, 'rate'], sentence };
}

/** Returns the scenario of a group's guests as it would be written in a file of its own. */
function scenarioOf(
  { seed, runtime, costs, verify, migration, hosts, network }: FleetFile,
  entry: FleetFile['guests'][number],
  serves: Serving | undefined,
  nic: number,
): Keys {
  const guest: Keys = { backing: 'versions', contents: [{ kind: 'random' }], ...entry.guest };
  if (serves) guest['workloads'] = workloadsOf(guest, serves);
  return {
    name: entry.name,
    seed,
    runtime,
    guest,
    link: { bandwidth: hosts[nic]!.nic, latency: network.latency },
    migration: { runAfter: '0s', startAfter: '0s', ...migration, ...entry.migration },
    costs,
    verify,
  };
}

/**
 * Returns the entry of `hosts` whose network card is the fastest that a migration can use: two hosts have one that is at
 * least as fast. What holds for a link of this rate holds for those of all migrations.
 */
function fastestLink({ hosts }: FleetFile): number {
  const all = membersOf(hosts).map(({ group }) => group);
  const rates = hosts.map(({ nic }) => parseRate(nic));
  const [first, second = first] = all.toSorted((a, b) => Math.sign(rates[b]! - rates[a]!) || 0);
  return second!;
}

/** Returns where the keys of a scenario's link stand in the file of a fleet. */
const linkPathOf =
  (nic: number) =>
  (path: Path): Path =>
    path[0] === 'bandwidth' ? ['hosts', nic, 'nic'] : ['network', ...path];

/**
 * Returns the workload of a guest whose vCPUs run only while they serve requests. Its rate is that of vCPUs which are
 * busy all the time, so that each request makes its accesses.
 */
function workloadsOf(guest: Keys, { pagesPerRequest, serviceNs }: Serving): Keys[] {
  if (pagesPerRequest === 0) return [];
  const vcpus = typeof guest['vcpus'] === 'number' ? guest['vcpus'] : 1;
  const written = Array.isArray(guest['workloads']) ? (guest['workloads'] as Keys[]) : [];
  const rate = (pagesPerRequest / serviceNs) * 1e9 * vcpus;
  return [{ pattern: 'uniform', ...written[0], rate }];
}
