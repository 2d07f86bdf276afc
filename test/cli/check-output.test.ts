import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkChart } from '../../src/cli/chart.ts';
import { checkOutputs, makeFolder, type Outputs } from '../../src/cli/check-output.ts';
import { InputError } from '../../src/scenario/input-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'outputs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (...names: string[]): string => join(folder, ...names);
mkdirSync(at('folder'));
writeFileSync(at('file'), 'x');
symlinkSync(at('ring-2'), at('ring-1'));
symlinkSync(at('ring-1'), at('ring-2'));
symlinkSync(at('file'), at('link'));
symlinkSync(at('gone', 'x'), at('dangling'));
linkSync(at('file'), at('same'));

/** Returns the message about outputs, with the folder's name left out; undefined when they are accepted. */
function complaint(outputs: Outputs, inputs: readonly string[] = []): string | undefined {
  try {
    checkOutputs(outputs, inputs);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).message.replaceAll(`${folder}/`, '');
  }
}

describe('a file that can not be written is refused before the work', () => {
  it.each([
    ['no name', '', '-o : names no file'],
    ['a folder', at('folder'), '-o folder: is a folder: name a file in it'],
    [
      'a folder that is missing',
      at('no', 'x'),
      '-o no/x: the folder no is not there: make it first',
    ],
    [
      'a folder that is a file',
      at('file', 'x'),
      "-o file/x: can't be written: its folder is no folder (ENOTDIR)",
    ],
    [
      'links in a circle',
      at('ring-1'),
      "-o ring-1: can't be written: its symbolic links lead round in a circle (ELOOP)",
    ],
    [
      'a name that is too long',
      at('x'.repeat(300)),
      /^-o x+…: can't be written: the name is too long/,
    ],
    [
      'a file system of the kernel',
      '/proc/x.json',
      /^-o \/proc\/x\.json: can't be written: .*\(E[A-Z]+\)$/,
    ],
  ])('%s', (_, path, message) => {
    if (typeof message === 'string') expect(complaint({ '-o': path })).toBe(message);
    else expect(complaint({ '-o': path })).toMatch(message);
  });

  it('which leaves nothing behind, and makes no file', () => {
    const before = readdirSync(folder);
    expect(complaint({ '-o': at('new.json') })).toBeUndefined();
    expect(readdirSync(folder)).toEqual(before);
  });

  it('but a device, a link to a file and a file that is there can be written', () => {
    for (const path of ['/dev/null', at('file'), at('link'), '-']) {
      expect(complaint({ '-o': path })).toBeUndefined();
    }
  });

  it('and so is a folder that can not be made', () => {
    expect(() => makeFolder(at('file', 'x'))).toThrow(/can't be made a folder to write to/);
    expect(() => makeFolder('/proc/x')).toThrow(/can't be made a folder to write to/);
    makeFolder(at('made', 'deep'));
    expect(readdirSync(at('made', 'deep'))).toEqual([]);
  });
});

describe('a file of another purpose is refused', () => {
  it.each([['file'], ['folder/../file'], ['link']])('an input, named %s', (name) => {
    const message = complaint({ '-o': `${folder}/${name}` }, ['/dev/null', at('file')]);
    expect(message).toBe(
      `-o ${name}: is read by this command, which would overwrite it: name another file`,
    );
  });

  it('the file of another option, also before there is one', () => {
    const outputs = { '-o': at('new'), '--chart': `${folder}/folder/../new` };
    expect(complaint(outputs)).toBe(
      '--chart folder/../new: is the file of -o too: name another file',
    );
    expect(complaint({ '-o': '/dev/null', '--chart': '/dev/null' })).toBeUndefined();
  });

  it('standard output, for all that is no result', () => {
    expect(complaint({ '--chart': '-' })).toBe(
      '--chart -: only -o writes to standard output: name a file, or write ./-',
    );
  });
});

describe('the name of a chart', () => {
  it('tells its format, and its option is named when it does not', () => {
    for (const name of [undefined, 'a.svg', 'b/c.png'])
      expect(() => checkChart(name)).not.toThrow();
    const sentence = 'expected a name that ends in .svg or .png';
    expect(() => checkChart('a.gif')).toThrow(`--chart a.gif: ${sentence}`);
    expect(() => checkChart('svg', '--page-chart')).toThrow(`--page-chart svg: ${sentence}`);
  });
});
