import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { benchCommand } from '../../src/cli/bench.ts';
import { dirtyRateCommand } from '../../src/cli/dirty-rate.ts';
import { evacuateCommand } from '../../src/cli/evacuate.ts';
import { paperCommand } from '../../src/cli/paper.ts';
import { runCommand } from '../../src/cli/run.ts';
import { reportCommand } from '../../src/cli/report.ts';
import { schemaCommand } from '../../src/cli/schema.ts';
import { validateCommand } from '../../src/cli/validate.ts';
import { wwsCommand } from '../../src/cli/wws.ts';

/** Returns a command and those below it. */
const tree = (command: Command): Command[] => [command, ...command.commands.flatMap(tree)];

const commands = [
  runCommand(),
  evacuateCommand(),
  dirtyRateCommand(),
  validateCommand(),
  wwsCommand(),
  paperCommand(),
  benchCommand(),
  reportCommand(),
  schemaCommand(),
].flatMap(tree);

describe('help', () => {
  it.each(commands.map((command) => [command.name(), command] as const))(
    'of %s describes the command, its arguments and its options',
    (_, command) => {
      const described = [
        command.description(),
        ...command.registeredArguments.map(({ description }) => description),
        ...command.options.map(({ description }) => description),
      ];
      for (const text of described) expect(text).toMatch(/^\S.{3,}$/s);
    },
  );

  it('shows no default that says nothing, such as an empty list', () => {
    for (const command of commands) {
      expect(command.helpInformation()).not.toMatch(/\(default:\s+\[\]\)/);
    }
  });

  it('fits 80 columns', () => {
    for (const command of commands) {
      let text = '';
      command.configureOutput({ writeOut: (line) => (text += line), getOutHelpWidth: () => 80 });
      command.outputHelp();
      expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
    }
  });
});
