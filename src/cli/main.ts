#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { VERSION } from '../result/version.ts';
import { benchCommand } from './bench.ts';
import { dirtyRateCommand } from './dirty-rate.ts';
import { evacuateCommand } from './evacuate.ts';
import { EXIT } from './exit.ts';
import { paperCommand } from './paper.ts';
import { runCommand } from './run.ts';
import { schemaCommand } from './schema.ts';
import { validateCommand } from './validate.ts';
import { wwsCommand } from './wws.ts';

const program = new Command('pageferry')
  .description('Live-migration emulator: real pages, real dirty logs, every byte proved.')
  .version(VERSION)
  .option('--no-color', 'no colours (also: NO_COLOR in the environment)')
  .showHelpAfterError('(pageferry --help lists the commands)')
  .exitOverride();

program.addCommand(runCommand());
program.addCommand(evacuateCommand());
program.addCommand(dirtyRateCommand());
program.addCommand(validateCommand());
program.addCommand(wwsCommand());
program.addCommand(paperCommand());
program.addCommand(benchCommand());
program.addCommand(schemaCommand());
/** What the program is set to holds for all commands below it, too. */
function settle(parent: Command): void {
  for (const command of parent.commands) {
    command.copyInheritedSettings(parent).exitOverride();
    settle(command);
  }
}
settle(program);

// A reader that closes the pipe early (head, less) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Help and version end with 0; everything else that commander finds is wrong usage.
  process.exitCode = error.exitCode === 0 ? 0 : EXIT.badInput;
}
