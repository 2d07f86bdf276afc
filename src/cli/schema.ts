import { Command } from 'commander';
import { evacuationJsonSchema } from '../fleet/evacuation/json-schema.ts';
import { fleetJsonSchema } from '../fleet/datacentre/json-schema.ts';
import { hostJsonSchema } from '../fleet/host/json-schema.ts';
import { protectJsonSchema } from '../fleet/protect/json-schema.ts';
import { scenarioJsonSchema } from '../scenario/json-schema.ts';

export function schemaCommand(): Command {
  return new Command('schema')
    .description('print the JSON schema of scenarios, for editors')
    .option('--evacuation', 'print the schema of evacuations, for pageferry evacuate')
    .option('--host', 'print the schema of overcommitted hosts, for pageferry host')
    .option('--protect', 'print the schema of protected guests, for pageferry protect')
    .option('--fleet', 'print the schema of data centres, for pageferry fleet')
    .addHelpText(
      'after',
      '\nSave it and name it on the first line of a scenario:\n' +
        '  pageferry schema > pageferry.schema.json\n' +
        '  # yaml-language-server: $schema=./pageferry.schema.json',
    )
    .action((flags: SchemaFlags) => {
      process.stdout.write(`${JSON.stringify(schemaOf(flags), null, 2)}\n`);
    });
}

interface SchemaFlags {
  readonly evacuation?: boolean;
  readonly host?: boolean;
  readonly fleet?: boolean;
  readonly protect?: boolean;
}

function schemaOf({ evacuation, host, fleet, protect }: SchemaFlags): Record<string, unknown> {
  if (evacuation) return evacuationJsonSchema();
  if (host) return hostJsonSchema();
  if (protect) return protectJsonSchema();
  return fleet ? fleetJsonSchema() : scenarioJsonSchema();
}
