import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { pageText, shownCommands } from '../support/examples.ts';

const commands = new Map<string, Command>();
for (const [name, load] of Object.entries(COMMANDS)) commands.set(name, await load());

/** Returns what is wrong with a command line: an unknown command or option; undefined when nothing is. */
function mistakeIn(args: readonly string[]): string | undefined {
  const [name, ...rest] = args;
  if (name === undefined || /^--?(?:help|version)$/.test(name)) return undefined;
  const command = commands.get(name);
  if (!command) return `there is no command ${name}`;
  const known = [command, ...command.commands].flatMap((one) => one.options);
  const isKnown = (flag: string): boolean =>
    known.some(({ long, short }) => flag === long || flag === short);
  const wrong = rest
    .filter((arg) => /^--?[a-z]/.test(arg) && arg !== '--help')
    .find((arg) => !isKnown(arg.split('=')[0]!) && arg !== '--no-color');
  return wrong === undefined ? undefined : `${name} has no option ${wrong}`;
}

const folder = fileURLToPath(new URL('../../docs', import.meta.url));
const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.md'),
);

describe('the commands that the documentation shows', () => {
  const shown = ['../README.md', ...pages].flatMap((page) =>
    shownCommands(pageText(page)).map((args) => ({ page, args })),
  );

  it('are commands that there are, with options that they have', () => {
    expect(shown.length).toBeGreaterThan(60);
    const wrong = shown.flatMap(({ page, args }) => {
      const mistake = mistakeIn(args);
      return mistake === undefined ? [] : [`${page}: ${mistake}`];
    });
    expect(wrong).toEqual([]);
  });

  it('would be found wrong', () => {
    expect(mistakeIn(['rum', 'quick'])).toBe('there is no command rum');
    expect(mistakeIn(['run', 'quick', '--fast=1'])).toBe('run has no option --fast=1');
    expect(mistakeIn(['run', 'quick', '-q', '--json'])).toBeUndefined();
  });
});
