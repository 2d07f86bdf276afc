import { afterEach, describe, expect, it, vi } from 'vitest';
import { deliver } from '../../src/cli/output.ts';

const { isTTY, columns } = process.stdout;

/** Delivers a text, and returns what standard output gets, which takes itself for a terminal of that width. */
async function delivered(text: string, width: number | undefined): Promise<string> {
  let written = '';
  Object.assign(process.stdout, { isTTY: width !== undefined, columns: width });
  vi.spyOn(process.stdout, 'write').mockImplementation(((
    chunk: string,
    done?: (error?: Error | null) => void,
  ) => {
    written += chunk;
    done?.();
    return true;
  }) as typeof process.stdout.write);
  await deliver({}, { some: 'result' }, () => text);
  return written;
}

afterEach(() => {
  vi.restoreAllMocks();
  Object.assign(process.stdout, { isTTY, columns });
});

describe('the text of a result', () => {
  const text =
    'diverged: 81 MiB were left to send when the time was over\nround  sent\n1      9 MiB\n';

  it('fits the terminal, and its tables stay as they are', async () => {
    expect(await delivered(text, 30)).toBe(
      'diverged: 81 MiB were left to\n  send when the time was over\nround  sent\n1      9 MiB\n',
    );
  });

  it('is left as it is where there is no terminal', async () => {
    expect(await delivered(text, undefined)).toBe(text);
  });
});
