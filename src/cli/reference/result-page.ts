import { EVACUATION_RESULT_DESCRIPTIONS } from '../../fleet/evacuation/result-descriptions.ts';
import { evacuationResultSchema } from '../../fleet/evacuation/result-schema.ts';
import { HOST_RESULT_DESCRIPTIONS } from '../../fleet/host/result-descriptions.ts';
import { hostResultSchema } from '../../fleet/host/result-schema.ts';
import { FLEET_RESULT_DESCRIPTIONS } from '../../fleet/datacentre/result-descriptions.ts';
import { fleetResultSchema } from '../../fleet/datacentre/result-schema.ts';
import { RESULT_DESCRIPTIONS } from '../../result/descriptions.ts';
import { resultSchema } from '../../result/schema.ts';
import { RESTORE_DESCRIPTIONS, SAVE_DESCRIPTIONS } from '../../result/snapshot-descriptions.ts';
import { restoreSchema, saveSchema } from '../../result/snapshot-schema.ts';
import { fieldsOf } from './fields.ts';
import { fieldTable, sectionsOf } from './sections.ts';
import { GENERATED } from './table.ts';

const INTRODUCTION = `${GENERATED}

# Reference: results

Every field of the JSON that \`run\`, \`evacuate\`, \`host\`, \`save\`, \`restore\` and \`fleet\` write with \`-o\` and print with \`--json\`. [Results](../results.md) explains when files
are written, exit codes and the formulas. A field with a question mark may be absent, which means unknown and never 0.
Durations end in Ms and are milliseconds; sizes are bytes.
`;

/** The maps of a run's result that have a section of their own. */
const SECTIONS: readonly string[] = [
  'downtimeParts',
  'ram',
  'rounds[]',
  'faults',
  'postcopyPauses[]',
  'guest',
  'link',
  'devices',
  'models',
  'connection',
  'disturbance',
  'verify',
  'host',
];

/** Returns the page of all fields of the results of runs, evacuations, hosts and fleets. */
export function resultPage(): string {
  const fields = fieldsOf(resultSchema, RESULT_DESCRIPTIONS);
  const sections = sectionsOf(fields, SECTIONS).map(({ key, fields: own }) =>
    [key === '' ? '## A run: `pageferry/run@1`' : `### ${key}`, fieldTable(own)].join('\n\n'),
  );
  const evacuation = fieldsOf(evacuationResultSchema, EVACUATION_RESULT_DESCRIPTIONS).filter(
    ({ key }) => !key.startsWith('guests[].run.') && !key.startsWith('host.'),
  );
  const host = fieldsOf(hostResultSchema, HOST_RESULT_DESCRIPTIONS).filter(
    ({ key }) => !key.startsWith('guests[].verify.') && !key.startsWith('migrations[].run.'),
  );
  const fleet = fieldsOf(fleetResultSchema, FLEET_RESULT_DESCRIPTIONS).filter(
    ({ key }) => !key.startsWith('migrations[].run.'),
  );
  return [
    INTRODUCTION.trim(),
    ...sections,
    '## An evacuation: `pageferry/evacuation@1`',
    'Its times count from the moment when the host began to be emptied.',
    fieldTable(evacuation),
    '## An overcommitted host: `pageferry/host@1`',
    'Its times count from the moment when the host began to live. [Overcommitted hosts](../overcommit.md) explains what it does.',
    fieldTable(host),
    '## A save: `pageferry/save@1`',
    'Its times count from the start of the save. [Save and restore](../save-restore.md) explains what it does.',
    fieldTable(fieldsOf(saveSchema, SAVE_DESCRIPTIONS)),
    '## A restore: `pageferry/restore@1`',
    'Its times count from the moment when the file was opened.',
    fieldTable(fieldsOf(restoreSchema, RESTORE_DESCRIPTIONS)),
    '## A fleet: `pageferry/fleet@1`',
    'Its times count from the moment when the fleet began to live.',
    fieldTable(fleet),
    '',
  ].join('\n\n');
}
