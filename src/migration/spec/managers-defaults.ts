import { managerNamed } from '../policies/manager-registry.ts';

type Given = Readonly<Record<string, unknown>>;

/**
 * Returns a scenario's `migration` as it is given, with the keys that its manager sets otherwise than QEMU does when
 * they are not given. KubeVirt's own name of the downtime limit stands in the place of that key. Anything that can't
 * be used is returned as it is, for the schema to refuse.
 */
export function withManagersDefaults(given: unknown): unknown {
  if (!isMap(given)) return given;
  const manager = managerNamed(given['downtimeLadder']);
  if (!manager) return given;
  const settings = given[manager.settings];
  const limit = isMap(settings) ? settings['maxDowntime'] : undefined;
  const own = { ...manager.defaults, ...(limit === undefined ? {} : { downtimeLimit: limit }) };
  const isAbsent = ([key]: [string, unknown]): boolean => given[key] === undefined;
  return { ...given, ...Object.fromEntries(Object.entries(own).filter(isAbsent)) };
}

function isMap(value: unknown): value is Given {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
