import { Command } from 'commander';
import { evacuationJsonSchema } from '../fleet/evacuation/json-schema.ts';
import { hostJsonSchema } from '../fleet/host/json-schema.ts';
import { scenarioJsonSchema } from '../scenario/json-schema.ts';

export function schemaCommand(): Command {
  return new Command('schema')
    .description('print the JSON schema of scenarios, for editors')
    .option('--evacuation', 'print the schema of evacuations, for pageferry evacuate')
    .option('--host', 'print the schema of overcommitted hosts, for pageferry host')
    .addHelpText(
      'after',
      '\nSave it and name it on the first line of a scenario:\n' +
        '  pageferry schema > pageferry.schema.json\n' +
        '  # yaml-language-server: $schema=./pageferry.schema.json',
    )
    .action(({ evacuation, host }: { evacuation?: boolean; host?: boolean }) => {
      const schema = evacuation
        ? evacuationJsonSchema()
        : host
          ? hostJsonSchema()
          : scenarioJsonSchema();
      process.stdout.write(`${JSON.stringify(schema, null, 2)}\n`);
    });
}
