#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { VERSION } from '../result/version.ts';
import { shortenQuotes } from '../scenario/input-error.ts';
import { COMMANDS } from './commands.ts';
import { EXIT } from './exit.ts';
import { isWorkLeft } from './interrupt.ts';
import { watchStreams } from './stdout.ts';

/**
 * Returns the commands that a command line needs: the one that it names, none for the version, and all
 * for the help, which lists them, and for an unknown name, for which one may be suggested.
 */
function commandsFor(args: readonly string[]): readonly string[] {
  const all = Object.keys(COMMANDS);
  const named = args.find((arg) => !arg.startsWith('-'));
  if (named !== undefined) return Object.hasOwn(COMMANDS, named) ? [named] : all;
  return args.includes('--version') || args.includes('-V') ? [] : all;
}

const program = new Command('pageferry')
  .description('Live-migration emulator: real pages, real dirty logs, every byte proved.')
  .version(VERSION)
  .option('--no-color', 'no colours (also: NO_COLOR in the environment)')
  .configureOutput({ outputError: (text, write) => write(shortenQuotes(text)) })
  .showHelpAfterError('(pageferry --help lists the commands)')
  .exitOverride();

for (const name of commandsFor(process.argv.slice(2))) program.addCommand(await COMMANDS[name]!());

/** Copies the program's settings to all commands below it. */
function inheritSettings(parent: Command): void {
  for (const command of parent.commands) {
    command.copyInheritedSettings(parent).exitOverride();
    inheritSettings(command);
  }
}
inheritSettings(program);

watchStreams();

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Help and version end with code 0; every other error of commander is wrong usage.
  process.exitCode = error.exitCode === 0 ? 0 : EXIT.badInput;
}
// Work that a signal had the command give up would keep the program alive.
if (isWorkLeft()) process.exit();
