import { Command } from 'commander';
import { evacuationJsonSchema } from '../fleet/evacuation/json-schema.ts';
import { hostJsonSchema } from '../fleet/host/json-schema.ts';
import { protectJsonSchema } from '../fleet/protect/json-schema.ts';
import { scenarioJsonSchema } from '../scenario/json-schema.ts';

export function schemaCommand(): Command {
  return new Command('schema')
    .description('print the JSON schema of scenarios, for editors')
    .option('--evacuation', 'print the schema of evacuations, for pageferry evacuate')
    .option('--host', 'print the schema of overcommitted hosts, for pageferry host')
    .option('--protect', 'print the schema of protected guests, for pageferry protect')
    .addHelpText(
      'after',
      '\nSave it and name it on the first line of a scenario:\n' +
        '  pageferry schema > pageferry.schema.json\n' +
        '  # yaml-language-server: $schema=./pageferry.schema.json',
    )
    .action((flags: { evacuation?: boolean; host?: boolean; protect?: boolean }) => {
      process.stdout.write(`${JSON.stringify(schemaOf(flags), null, 2)}\n`);
    });
}

function schemaOf(flags: {
  readonly evacuation?: boolean;
  readonly host?: boolean;
  readonly protect?: boolean;
}): Record<string, unknown> {
  if (flags.evacuation) return evacuationJsonSchema();
  if (flags.host) return hostJsonSchema();
  return flags.protect ? protectJsonSchema() : scenarioJsonSchema();
}
