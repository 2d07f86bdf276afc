import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { InputError } from '../scenario/input-error.ts';

/** Throws InputError when a file can't be written, so that this is found before the run, not after it. */
export function checkOutput(path: string | undefined, flag = '-o'): void {
  if (path === undefined) return;
  const refuse = (sentence: string): never => {
    throw new InputError([{ place: `${flag} ${path}`, key: '', sentence }]);
  };
  if (path === '') refuse('names no file');
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    refuse('is a folder: name a file in it');
  }
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch {
    refuse(`the folder ${dirname(path)} is not there or can't be written to`);
  }
}
