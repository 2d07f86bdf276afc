import { FIRST_HOST } from '../../runtime/virtual/overcommitted-moves.ts';
import type { Problem } from '../../scenario/problem.ts';
import type { Scenario } from '../../scenario/schema.ts';
import { parseDuration } from '../../units/duration.ts';
import { parseSize } from '../../units/size.ts';
import { MAX_WHOLE_PAGE } from '../../wire/limits.ts';
import { groupsByName, lifeProblem } from './group-lives.ts';
import type { HostFile } from './schema.ts';

/** Returns what is wrong with the names of the hosts, and with those that guests start on. */
export function checkHosts({ others, guests, host }: HostFile): Problem[] {
  const names = [FIRST_HOST, ...others.map(({ name }) => name)];
  const twice = others.flatMap(({ name }, index): Problem[] => {
    if (names.indexOf(name) === index + 1) return [];
    const sentence = `expected a name of its own, but another host is called ${name} already`;
    return [{ path: ['others', index, 'name'], sentence }];
  });
  const unknown = guests.flatMap(({ host: on }, index): Problem[] => {
    if (on === undefined || names.includes(on)) return [];
    return [{ path: ['guests', index, 'host'], sentence: noHost(on, names) }];
  });
  const alone =
    host.swap.isShared && others.length === 0
      ? [
          {
            path: ['host', 'swap', 'isShared'],
            sentence:
              'there is no other host that could use the store: give others, or leave this key out',
          },
        ]
      : [];
  const own = others.flatMap(({ swap }, index): Problem[] => {
    if (!host.swap.isShared || !swap) return [];
    const sentence =
      "all hosts use the first one's store, which host.swap describes: leave this key out";
    return [{ path: ['others', index, 'swap'], sentence }];
  });
  return [...twice, ...unknown, ...alone, ...own];
}

const noHost = (name: string, names: readonly string[]): string =>
  `there is no host ${name}: there are ${names.join(', ')}`;

/** Returns what is impossible about the migrations of a file. */
export function checkMigrations({ migrations, others, guests, duration }: HostFile): Problem[] {
  const hosts = [FIRST_HOST, ...others.map(({ name }) => name)];
  const groups = groupsByName(guests);
  const endNs = parseDuration(duration);
  return migrations.flatMap(({ at, guest, to }, index): Problem[] => {
    const path = ['migrations', index];
    const atNs = parseDuration(at);
    const group = groups.get(guest);
    if (!group) {
      const sentence = `there is no guest ${guest}: there are ${[...groups.keys()].join(', ')}`;
      return [{ path: [...path, 'guest'], sentence }];
    }
    if (!hosts.includes(to)) return [{ path: [...path, 'to'], sentence: noHost(to, hosts) }];
    if (atNs >= endNs) {
      const sentence = `the host lives for ${duration}, so nothing can migrate at ${at}`;
      return [{ path: [...path, 'at'], sentence }];
    }
    return lifeProblem({ at, guest, does: 'migrate' }, group, [...path, 'at']);
  });
}

/**
 * Returns what a host can't do for the migrations of its guests, whose scenarios are complete. It brings in whole pages,
 * and larger ones travel in parts.
 */
export function checkMigrated(
  { migrations, guests, migration }: HostFile,
  groups: readonly { readonly index: number; readonly scenario: Scenario }[],
): Problem[] {
  if (migrations.length === 0) return [];
  return groups.flatMap(({ index, scenario }): Problem[] => {
    const { guest } = scenario;
    if (parseSize(guest.pageSize) > MAX_WHOLE_PAGE) {
      const sentence = `guests of overcommitted hosts migrate with pages of at most 2MiB, got ${guest.pageSize}`;
      return [{ path: ['guests', index, 'guest', 'pageSize'], sentence }];
    }
    const xbzrle = scenario.migration.encodings.indexOf('xbzrle');
    if (xbzrle >= 0) {
      const isOwn = Object.hasOwn(guests[index]!.migration ?? {}, 'encodings');
      const path = [...(isOwn ? ['guests', index] : []), 'migration', 'encodings', xbzrle];
      const sentence =
        'an overcommitted host may have swapped out what a page would be made of: leave xbzrle out';
      return [{ path, sentence }];
    }
    const own = guests[index]!.migration ?? {};
    if ((scenario.migration.channels ?? 1) > 1) {
      const isOwn = Object.hasOwn(own, 'channels');
      const sentence =
        'an overcommitted host brings pages in for one sender at a time: leave channels out';
      return [{ path: [...(isOwn ? ['guests', index] : []), 'migration', 'channels'], sentence }];
    }
    for (const key of ['startAfter', 'runAfter', 'breakHuge', 'freePageHints'] as const) {
      const isOwn = Object.hasOwn(own, key);
      if (!isOwn && !Object.hasOwn(migration ?? {}, key)) continue;
      const path = isOwn ? ['guests', index, 'migration', key] : ['migration', key];
      return [{ path, sentence: MEANINGLESS[key] }];
    }
    return [];
  });
}

const MEANINGLESS = {
  startAfter: 'a host migrates its guests at the times of its migrations: give migrations[].at',
  runAfter: 'the guests of a host live until they stop: give guests[].stop',
  freePageHints:
    'a host takes the free memory of its guests by their balloons: give migrations[].balloon',
  breakHuge: 'the pages of guests of overcommitted hosts travel whole: leave this key out',
} as const;
