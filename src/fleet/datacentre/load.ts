import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { ScenarioDocument } from '../../scenario/document.ts';
import { FLEET_FILES, locateFile, withPortableFiles } from '../../scenario/files.ts';
import { type FolderOf } from '../../scenario/files.ts';
import { foldersOf, loadNamed, type Override, type Preset, presets } from '../../scenario/load.ts';
import { explained, refuse } from '../../scenario/parse.ts';
import type { Scenario } from '../../scenario/schema.ts';
import { parseDuration } from '../../units/duration.ts';
import type { OwnKind } from '../../units/keys.ts';
import { parseRate } from '../../units/rate.ts';
import { formatSize, parseSize } from '../../units/size.ts';
import { limitsOf } from '../evacuation/limits.ts';
import { readApplications } from './applications/read.ts';
import { checkFleet } from './check.ts';
import type { FleetConfig, FleetHostSpec, FleetVmSpec, PolicySpec } from './config.ts';
import { type LoadedGuest, loadGuests } from './guests.ts';
import { membersOf } from './names.ts';
import { place } from './placement.ts';
import { FLEET_POLICIES } from './policies/registry.ts';
import { type FleetFile, fleetSchema } from './schema.ts';

/** src/fleet/datacentre and dist/fleet/datacentre lie equally deep below the package. */
export const FLEET_PRESET_FOLDER = fileURLToPath(
  new URL('../../../fixtures/fleets', import.meta.url),
);

export interface LoadedFleet {
  /** The file with every default, as results keep it: the files that it names are found from any folder. */
  readonly file: FleetFile;
  /** The scenario of each group of guests with every default. */
  readonly scenarios: readonly Scenario[];
  readonly config: FleetConfig;
  /** The paths of the files that were read. */
  readonly files: readonly string[];
}

/** Returns the fleets that come with the program. */
export const fleetPresets = (): Preset[] => presets(FLEET_PRESET_FOLDER);

/**
 * Loads a fleet: a name with `/`, `.yaml`, `.yml` or `.json` is a file, `-` is standard input, and anything else is a
 * preset. A result (`pageferry/fleet@1`) stands for its scenario. `sets` override keys. Throws InputError.
 */
export function loadFleet(name: string, sets: readonly Override[] = []): LoadedFleet {
  return loadNamed(name, sets, loadFleetDocument, FLEET_PRESET_FOLDER);
}

/** Loads a fleet from a document, whose files are relative to `folder`. Throws InputError. */
export function loadFleetDocument(document: ScenarioDocument, folder: string): LoadedFleet {
  const parsed = fleetSchema.safeParse(document.value());
  if (!parsed.success) throw explained(document, parsed.error.issues, fleetSchema);
  const file = parsed.data;
  refuse(document, checkFleet(file));
  const folderOf = foldersOf(document, folder);
  const policy = policyOf(document, file, folderOf);
  const { guests, scenarios } = loadGuests(document, file, folder);
  const hosts = hostsOf(file);
  const vms = placed(document, file, hosts, guests);
  const indices = new Map(guests.map(({ name }, index) => [name, index]));
  const { network, monitor, hotspot } = file;
  const config: FleetConfig = {
    seed: file.seed,
    durationNs: parseDuration(file.duration),
    stepNs: parseDuration(file.step),
    fidelity: file.fidelity,
    hosts,
    network: {
      rackBytesPerSecond: parseRate(network.rack),
      clusterBytesPerSecond: parseRate(network.cluster),
    },
    vms,
    applications: readApplications(file, indices),
    monitor: monitorOf(monitor),
    hotspot,
    policy,
    limits: limitsOf(file.parallel),
    isPoweredOff: file.powerOff,
  };
  const { value, files } = withPortableFiles(file, FLEET_FILES, folderOf);
  return { file: value, scenarios, config, files };
}

function monitorOf({
  interval,
  window,
  reportBytes,
  sendReports,
  cpuPerGuest,
  dom0PerMB,
  workingSet,
}: FleetFile['monitor']): FleetConfig['monitor'] {
  return {
    intervalNs: parseDuration(interval),
    window,
    report:
      typeof reportBytes === 'number'
        ? { outside: reportBytes, memory: 0, requests: 0 }
        : reportBytes,
    isReportSent: sendReports,
    cpuNsPerVm: parseDuration(cpuPerGuest),
    dom0NsPerByte: parseDuration(dom0PerMB) / 1e6,
    ...(workingSet
      ? {
          workingSet: {
            samples: workingSet.samples,
            periodNs: parseDuration(workingSet.period),
            faultNs: parseDuration(workingSet.fault),
          },
        }
      : {}),
  };
}

function hostsOf({ hosts }: FleetFile): FleetHostSpec[] {
  return membersOf(hosts).map(({ name, group }) => {
    const { cpus, memory, nic, rack, cluster, isScratch, idleWatts, peakWatts } = hosts[group]!;
    return {
      name,
      cpus: cpus === 'unlimited' ? Infinity : cpus,
      memoryBytes: parseSize(memory),
      nicBytesPerSecond: parseRate(nic),
      rack,
      cluster,
      isScratch,
      idleWatts,
      peakWatts,
    };
  });
}

/** Puts guests on their hosts. Throws InputError when there is no room for one. */
function placed(
  document: ScenarioDocument,
  file: FleetFile,
  hosts: readonly FleetHostSpec[],
  guests: readonly LoadedGuest[],
): FleetVmSpec[] {
  const indices = new Map(hosts.map(({ name }, index) => [name, index]));
  const wishes = guests.map(({ group, config: { guest } }) => {
    const { host } = file.guests[group]!;
    const wish = host === undefined ? {} : { host: indices.get(host)! };
    return { memoryBytes: guest.memoryBytes, vcpus: guest.vcpus, ...wish };
  });
  const places = place(file.placement, hosts, wishes);
  if ('homeless' in places) {
    const { name, group, config } = guests[places.homeless]!;
    const size = formatSize(config.guest.memoryBytes);
    const { host } = file.guests[group]!;
    const where = host === undefined ? 'no host' : `host ${host}`;
    const has = host === undefined ? 'has' : 'does not have';
    const sentence = `${where} ${has} ${size} of memory left for ${name}: add hosts, or choose smaller guests`;
    refuse(document, [{ path: ['guests', group], sentence }]);
    return [];
  }
  return guests.map(({ name, group, isServing, config }, index): FleetVmSpec => {
    const { memoryUse, cpus = config.guest.vcpus } = file.guests[group]!;
    return {
      name,
      group,
      host: places.hosts[index]!,
      config,
      isServing,
      cpus,
      ...(memoryUse
        ? {
            memoryUse: memoryUse.map(({ at, used }) => ({
              atNs: parseDuration(at),
              value: parseSize(used),
            })),
          }
        : {}),
    };
  });
}

/** Returns the policy with its options complete. Throws InputError when an option is wrong. */
function policyOf(
  document: ScenarioDocument,
  { policy, hosts }: FleetFile,
  folderOf: FolderOf,
): PolicySpec {
  if (typeof policy !== 'string' && 'module' in policy) {
    const own = policy as OwnKind;
    const module = locateFile(folderOf(['policy', 'module']), own.module);
    return { kind: { ...own, module }, options: {} };
  }
  const { kind, ...options } = typeof policy === 'string' ? { kind: policy } : policy;
  const { options: optionsSchema, check, bind } = FLEET_POLICIES[kind]!;
  const schema = z.object({ policy: optionsSchema });
  const parsed = schema.safeParse({ policy: options });
  if (!parsed.success) throw explained(document, parsed.error.issues, schema);
  const written = parsed.data.policy;
  const problems = check?.(written, hosts) ?? [];
  refuse(
    document,
    problems.map(({ path, sentence }) => ({ path: ['policy', ...path], sentence })),
  );
  const complete = bind?.(written, hosts) ?? written;
  return { kind, options: complete as Readonly<Record<string, unknown>> };
}
