import type { Command } from 'commander';
import { COMMANDS } from '../commands.ts';
import { code, GENERATED, sentence, table } from './table.ts';

const INTRODUCTION = `${GENERATED}

# Reference: the command line

\`pageferry COMMAND --help\` prints the same, with the presets that a command knows. What is printed where, and what signals do:
[terminal](../terminal.md). \`--no-color\` works everywhere, and \`--version\` prints the version.
`;

/** Returns the page of all commands. */
export async function cliPage(): Promise<string> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  const list = table(
    ['command', 'what it does'],
    commands.map((one) => [`[${one.name()}](#${one.name()})`, sentence(one.description())]),
  );
  const sections = commands.flatMap((one) => sectionsOf(one, one.name()));
  return [INTRODUCTION.trim(), list, ...sections, ''].join('\n\n');
}

/** Returns the parts about a command and those below it. */
function sectionsOf(command: Command, name: string): string[] {
  const codes = exitCodesOf(command);
  const own = [
    `## ${name}`,
    `\`\`\`\npageferry ${name} ${command.usage()}\n\`\`\``,
    sentence(command.description()),
    ...tablesOf(command),
    ...(codes === '' ? [] : [`Exit codes: ${codes}.`]),
  ];
  return [...own, ...command.commands.flatMap((one) => sectionsOf(one, `${name} ${one.name()}`))];
}

function tablesOf(command: Command): string[] {
  const args = command.registeredArguments.map((one) => [
    code(`${one.name()}${one.variadic ? '...' : ''}${one.required ? '' : '?'}`),
    sentence(one.description),
  ]);
  const options = command.options
    .filter(({ hidden }) => !hidden)
    .map(({ flags, description, defaultValue }) => [
      code(flags),
      sentence(description),
      defaultValue === undefined ? '' : code(String(defaultValue)),
    ]);
  return [
    ...(args.length === 0 ? [] : [table(['argument', 'meaning'], args)]),
    ...(options.length === 0 ? [] : [table(['option', 'meaning', 'default'], options)]),
  ];
}

/** Returns what a command's help says about its exit codes; empty when it says nothing. */
function exitCodesOf(command: Command): string {
  let help = '';
  command.configureOutput({
    writeOut: (text) => {
      help += text;
    },
  });
  command.outputHelp();
  const [, codes = ''] = /Exit codes: ([\s\S]*?)(?:\n\n|\n?$)/.exec(help) ?? [];
  return codes.replaceAll(/\s+/g, ' ').trim();
}
