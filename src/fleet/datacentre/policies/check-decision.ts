import { z } from 'zod';
import { formatValue } from '../../../scenario/fields.ts';
import { nearest } from '../../../scenario/suggest.ts';
import type { Decision } from './policy.ts';

/** What a decision may name: each guest with its vCPUs and its memory, and each host with its memory. */
export interface Named {
  readonly vms: ReadonlyMap<
    string,
    {
      readonly vcpus: number;
      readonly memoryBytes: number;
      readonly host: { readonly name: string };
    }
  >;
  readonly hosts: ReadonlyMap<string, { readonly spec: { readonly memoryBytes: number } }>;
}

const expected =
  (what: string) =>
  ({ input }: { input?: unknown }): string =>
    `expected ${what}, got ${shown(input)}`;

/** Returns a value as it is written; a view of a guest has its host, which has the guest again, so objects are not. */
function shown(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : formatValue(value);
}

const mapOf = <Shape extends z.ZodRawShape>(shape: Shape, what: string) => {
  const keys = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `unknown key ${issue.keys.join(', ')}: expected some of ${keys}`
        : expected(what)(issue),
  });
};

const nameOf = (what: string) => z.string({ error: expected(`the name of a ${what}`) });
const above0 = (what: string) => {
  const error = expected(`${what}, a number above 0`);
  return z.number({ error }).positive({ error });
};
const listOf = <Entry extends z.ZodType>(entry: Entry, what: string) =>
  z.array(entry, { error: expected(`a list of ${what}`) });

const RESOURCES = ['cpu', 'net', 'memory', 'response', 'drops'] as const;

const move = mapOf(
  { vm: nameOf('guest'), to: nameOf('host'), cpus: above0('CPUs').optional() },
  'a move such as { vm, to }',
);
const resize = mapOf(
  {
    vm: nameOf('guest'),
    memoryBytes: above0('bytes').optional(),
    cpus: above0('CPUs').optional(),
  },
  'a resize such as { vm, memoryBytes }',
);
const hotspot = mapOf(
  {
    host: nameOf('host'),
    vm: nameOf('guest').optional(),
    resource: z.enum(RESOURCES, { error: expected(`one of ${RESOURCES.join(', ')}`) }),
  },
  'a hotspot such as { host, resource }',
);
const count = expected('a whole number of 0 or more');
const decision = mapOf(
  {
    chains: listOf(listOf(move, 'moves, a chain'), 'chains').optional(),
    resizes: listOf(resize, 'resizes').optional(),
    hotspots: listOf(hotspot, 'hotspots').optional(),
    swaps: z.int({ error: count }).min(0, { error: count }).optional(),
    isPartial: z.boolean({ error: expected('true or false') }).optional(),
  },
  'an object with chains, resizes or hotspots, or undefined',
);

/**
 * Returns what a policy of the user's own has decided. Throws an Error with one sentence when it is no decision, or when
 * it names what is not there or could never be.
 */
export function checkDecision(value: unknown, named: Named): Decision | undefined {
  if (value === undefined) return undefined;
  if (value instanceof Promise)
    throw new Error('decided nothing but a promise: decide may not be async');
  const parsed = decision.safeParse(value);
  if (!parsed.success) {
    const [{ path, message }] = parsed.error.issues as [z.core.$ZodIssue];
    throw new Error(`decided what is no decision: ${placeOf(path)}${message}`);
  }
  // The keys with undefined have gone, and that is all that TypeScript's exact optional keys ask for.
  const made = parsed.data as Decision;
  for (const { vm, to, cpus } of (made.chains ?? []).flat()) {
    checkSize({ vm, cpus }, named);
    checkTarget(vm, to, named);
  }
  for (const one of made.resizes ?? []) checkSize(one, named);
  for (const { host, vm } of made.hotspots ?? []) {
    known('host', host, named.hosts);
    if (vm !== undefined) known('guest', vm, named.vms);
  }
  return made;
}

function placeOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return '';
  const text = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`));
  return `${text.join('').replace(/^\./, '')}: `;
}

function checkSize(
  { vm: name, cpus }: { readonly vm: string; readonly cpus?: number | undefined },
  { vms }: Named,
): void {
  const { vcpus } = known('guest', name, vms);
  if (cpus !== undefined && cpus > vcpus) {
    throw new Error(
      `gives the guest ${name} ${cpus} CPUs, and it has ${vcpus} vCPUs: give it no more`,
    );
  }
}

function checkTarget(name: string, to: string, { vms, hosts }: Named): void {
  const { memoryBytes } = known('guest', name, vms);
  const { spec } = known('host', to, hosts);
  if (memoryBytes <= spec.memoryBytes) return;
  throw new Error(`moves the guest ${name} to ${to}, whose whole memory is less than the guest's`);
}

function known<One>(what: string, name: string, all: ReadonlyMap<string, One>): One {
  const one = all.get(name);
  if (one !== undefined) return one;
  const guess = nearest(name, [...all.keys()]);
  throw new Error(
    `names a ${what} "${name}", which is not there${guess === undefined ? '' : `: did you mean ${guess}?`}`,
  );
}
