import { reasonOf } from '../result/write.ts';
import { EXIT } from './exit.ts';

let failure: NodeJS.ErrnoException | undefined;
/** Whether a caller of `print` has been told of the failure, and sees to the exit code and the message. */
let isReported = false;

/**
 * Keeps the program alive when standard output or standard error can't be written, so that a command still writes its
 * files and ends with its own exit code. A reader that closes the pipe early, as `head` does, is no error. For any
 * other reason of standard output a sentence says so, and an exit code of success becomes that of failure. Nothing
 * can be said when standard error fails.
 */
export function watchStreams(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    failure ??= error;
  });
  process.stderr.on('error', () => undefined);
  process.on('exit', () => {
    if (!failure || failure.code === 'EPIPE' || isReported) return;
    process.stderr.write(`standard output: can't be written: ${reasonOf(failure)}\n`);
    if ((process.exitCode ?? EXIT.done) === EXIT.done) process.exitCode = EXIT.notCompleted;
  });
}

/** Writes a text to standard output. Returns the error, if there was one now or before. */
export async function print(text: string): Promise<NodeJS.ErrnoException | undefined> {
  if (!failure) {
    if (!process.stdout.write(text)) {
      await new Promise<void>((resolve) => {
        process.stdout.once('drain', resolve).once('error', () => resolve());
      });
    }
    // A stream tells of its error a little later.
    await new Promise((resolve) => setImmediate(resolve));
  }
  isReported ||= failure !== undefined;
  return failure;
}

/** Whether whoever read standard output has closed it, so that nothing that is printed has a reader. */
export const isClosed = (): boolean => failure?.code === 'EPIPE';
