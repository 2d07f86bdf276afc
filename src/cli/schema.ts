import { Command } from 'commander';
import { scenarioJsonSchema } from '../scenario/json-schema.ts';

export function schemaCommand(): Command {
  return new Command('schema')
    .description('print the JSON schema of scenarios, for editors')
    .addHelpText(
      'after',
      '\nSave it and name it on the first line of a scenario:\n' +
        '  pageferry schema > pageferry.schema.json\n' +
        '  # yaml-language-server: $schema=./pageferry.schema.json',
    )
    .action(() => {
      process.stdout.write(`${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`);
    });
}
