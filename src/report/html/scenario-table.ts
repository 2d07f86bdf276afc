import { ScenarioDocument } from '../../scenario/document.ts';
import { InputError } from '../../scenario/input-error.ts';
import { parseScenario } from '../../scenario/parse.ts';
import type { Block, Table } from './model.ts';

/** A key of a scenario, as `--set` takes it, with what it is and what it would be by default. */
export interface Difference {
  readonly key: string;
  readonly value: string;
  readonly byDefault?: string;
}

type Tree = Readonly<Record<string, unknown>>;

/**
 * Returns the keys of a complete scenario that differ from the defaults of a guest with the same memory and the same
 * kind of migration; all keys when this version has no defaults for it.
 */
export function differencesOf(scenario: Tree): Difference[] {
  const own = flat(scenario);
  const standard = defaultsOf(scenario);
  return [...own].flatMap(([key, value]): Difference[] => {
    const byDefault = standard?.get(key);
    if (byDefault === value || key === 'name') return [];
    return [{ key, value, ...(byDefault === undefined ? {} : { byDefault }) }];
  });
}

/** Keys of lists have a table of their own, with a row for each entry. */
const LISTS = [
  ['guest.workloads', 'Workloads of the guest', 'pattern'],
  ['guest.contents', "What the guest's memory held at first", 'kind'],
] as const;

/** Returns tables of what differs from the defaults, of the workloads, and of the contents. */
export function scenarioTables(scenario: Tree): Block[] {
  const differences = differencesOf(scenario);
  const plain = differences.filter(({ key }) => LISTS.every(([list]) => !key.startsWith(list)));
  const table: Table = {
    columns: [{ name: 'key' }, { name: 'value' }, { name: 'default' }],
    rows: plain.map(({ key, value, byDefault = '–' }) => [key, value, byDefault]),
  };
  return [
    { kind: 'table', caption: 'What differs from the defaults', table },
    ...LISTS.flatMap(([list, caption, first]): Block[] => {
      const rows = entriesOf(scenario, list.slice('guest.'.length), first);
      const columns = [{ name: first }, { name: 'region' }, { name: 'keys' }];
      return rows.length === 0 ? [] : [{ kind: 'table', caption, table: { columns, rows } }];
    }),
  ];
}

/** Returns a row for each entry of a list: what it is, where, and its other keys. */
function entriesOf({ guest }: Tree, list: string, first: string): string[][] {
  const entries = (guest as Tree | undefined)?.[list];
  if (!Array.isArray(entries)) return [];
  return (entries as Tree[]).map((entry) => {
    const { region, ...others } = entry;
    const { start, size } = (region ?? {}) as Tree;
    const place =
      region === undefined ? 'all of the memory' : `${String(size)} from ${String(start)}`;
    const keys = [...flat(others)]
      .filter(([key]) => key !== first)
      .map(([key, value]) => `${key}: ${value}`);
    return [flat(entry).get(first) ?? '', place, keys.join(', ')];
  });
}

/** Returns all keys of a scenario with their values. */
export function flat(value: unknown): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (at: unknown, key: string): void => {
    if (at === undefined || at === null) return;
    if (typeof at !== 'object') found.set(key, `${at as string | number | boolean}`);
    else if (Array.isArray(at)) for (const [i, one] of at.entries()) visit(one, `${key}[${i}]`);
    else
      for (const [name, one] of Object.entries(at))
        visit(one, key === '' ? name : `${key}.${name}`);
  };
  visit(value, '');
  return found;
}

function defaultsOf(scenario: Tree): Map<string, string> | undefined {
  const { guest, migration } = scenario as { guest?: { memory?: unknown }; migration?: Tree };
  const bare = {
    guest: { memory: guest?.memory },
    migration: {
      algorithm: migration?.['algorithm'],
      ...(typeof migration?.['policy'] === 'string' ? { policy: migration['policy'] } : {}),
    },
  };
  try {
    return flat(parseScenario(new ScenarioDocument('defaults', JSON.stringify(bare))));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return undefined;
  }
}
