import { EVACUATION_DESCRIPTIONS } from '../../fleet/evacuation/json-schema.ts';
import { evacuationSchema } from '../../fleet/evacuation/schema.ts';
import { HOST_DESCRIPTIONS } from '../../fleet/host/json-schema.ts';
import { hostSchema } from '../../fleet/host/schema.ts';
import { FLEET_DESCRIPTIONS, fleetPolicies } from '../../fleet/datacentre/json-schema.ts';
import { fleetSchema } from '../../fleet/datacentre/schema.ts';
import { DEVICES } from '../../guest/devices/registry.ts';
import { PATTERNS } from '../../guest/patterns/registry.ts';
import { PAGE_ORDERS } from '../../migration/page-orders/registry.ts';
import { POLICIES } from '../../migration/policies/registry.ts';
import { SCENARIO_DESCRIPTIONS } from '../../scenario/descriptions.ts';
import { scenarioSchema } from '../../scenario/schema.ts';
import { type Field, fieldsOf } from './fields.ts';
import { keyTable, nameTable, sectionsOf } from './sections.ts';
import { GENERATED, sentence, table } from './table.ts';

const INTRODUCTION = `${GENERATED}

# Reference: scenarios

Every key of a scenario, with the values that it takes and its default. [Scenarios](../scenarios.md) explains them: files, units,
patterns, which keys belong together, limits. A key without a default says what holds when it is absent. \`pageferry schema\`
prints the same as a JSON schema for editors, and [the library](../library.md) takes the same keys as an object.

Sizes are such as \`64MiB\`, rates such as \`1Gbit/s\`, durations such as \`300ms\` ([units](../scenarios.md#units)).
`;

/** The maps and lists that have a section of their own, with the head of the column of kinds. */
const SECTIONS: Readonly<Record<string, string>> = {
  guest: '',
  'guest.contents[]': 'kind',
  'guest.workloads[]': 'pattern',
  'guest.memoryManager': '',
  'guest.devices[]': 'kind',
  link: '',
  migration: 'policy, page order',
  costs: '',
};

/** What stands below the table of a section. */
const BELOW: Readonly<Record<string, string>> = {
  'guest.contents[]': 'What the kinds are: [contents](../scenarios.md#contents).',
  'guest.workloads[]': nameTable('pattern', PATTERNS),
  'guest.memoryManager': 'More: [memory manager](../memory-manager.md).',
  'guest.devices[]': `${nameTable('kind', DEVICES)}\n\nMore: [devices](../devices.md).`,
  migration: `${nameTable('policy', POLICIES)}\n\n${nameTable('page order', PAGE_ORDERS)}\n\nMore: [policies](../policies.md), [post-copy](../post-copy.md).`,
  costs: 'What the profiles have, and where it comes from: [costs](../virtual.md#costs).',
};

/** Returns the page of all keys of scenarios, evacuations, hosts and fleets. */
export function scenarioPage(): string {
  const fields = fieldsOf(scenarioSchema, SCENARIO_DESCRIPTIONS).map(withOwners);
  const sections = sectionsOf(fields, Object.keys(SECTIONS)).map(({ key, fields: own }) =>
    [
      key === '' ? '## The outermost keys' : `## ${key}`,
      keyTable(own, SECTIONS[key]),
      ...(BELOW[key] === undefined ? [] : [BELOW[key]]),
    ].join('\n\n'),
  );
  const evacuation = fieldsOf(evacuationSchema, EVACUATION_DESCRIPTIONS).filter(
    ({ key }) => !key.startsWith('costs.'),
  );
  const host = fieldsOf(hostSchema, HOST_DESCRIPTIONS).filter(
    ({ key }) => !key.startsWith('costs.'),
  );
  const fleet = fieldsOf(fleetSchema, FLEET_DESCRIPTIONS).filter(
    ({ key }) => !key.startsWith('costs.'),
  );
  return [
    INTRODUCTION.trim(),
    ...sections,
    '## Evacuations',
    'The keys of a file of `pageferry evacuate` ([evacuate](../evacuate.md)); `guest`, `migration` and `costs` have those of a scenario.',
    keyTable(evacuation),
    '## Overcommitted hosts',
    'The keys of a file of `pageferry host` ([overcommitted hosts](../overcommit.md)); `guest` and `costs` have those of a scenario.',
    keyTable(host),
    '## Fleets',
    'The keys of a file of `pageferry fleet` ([fleet](../fleet.md)); `guest`, `migration` and `costs` have those of a scenario.',
    keyTable(fleet),
    policyTable(),
    '',
  ].join('\n\n');
}

/** Returns the table of a fleet's policies and their options. */
function policyTable(): string {
  const rows = fleetPolicies().map(({ name, about, keys }) => {
    const options = Object.entries(keys).map(([key, what]) => `\`${key}\`: ${what}`);
    return [`\`${name}\``, sentence(about), options.join(' ')];
  });
  return table(['policy', 'what it does', 'options'], rows);
}

/** Adds to a key of a migration the policies and the page order that alone have it. */
function withOwners(field: Field): Field {
  const [, name] = /^migration\.(\w+)/.exec(field.key) ?? [];
  const of = [...POLICIES, ...PAGE_ORDERS].filter(
    ({ keys }) => name !== undefined && Object.hasOwn(keys, name),
  );
  return of.length === 0 ? field : { ...field, of: of.map((kind) => kind.name) };
}
