import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { MAIN, OPTIONS } from './cli.ts';

/** A receiver that runs in a process of its own. */
export interface ReceiverProcess {
  /** What `send --to` takes. */
  readonly address: string;
  readonly pid: number;
  /** Resolves when it has written a line that contains a text. */
  line(text: string): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  /** Resolves when it has ended. */
  readonly ended: Promise<{
    readonly exitCode?: number | undefined;
    readonly stdout: string;
    readonly stderr: string;
  }>;
}

/** Starts `pageferry receive` on a free port of the loopback, or where `listen` says, and waits until it listens. */
export async function startReceiver(
  args: readonly string[],
  listen = '127.0.0.1:0',
): Promise<ReceiverProcess> {
  const child = execa(process.execPath, [MAIN, 'receive', '--listen', listen, ...args], {
    ...OPTIONS,
    buffer: true,
  });
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line);
    for (const look of waiting) look();
  });
  const line = (text: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = lines.find((one) => one.includes(text));
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
      void child.then(() =>
        reject(new Error(`it ended and never said "${text}": ${lines.join(' / ')}`)),
      );
    });
  const address = (await line('listening on ')).replace('listening on ', '');
  return {
    address,
    pid: child.pid!,
    line,
    kill: (signal) => void child.kill(signal),
    ended: child.then(({ exitCode, stdout, stderr }) => ({ exitCode, stdout, stderr })),
  };
}

/** Returns an address of a Unix socket that nobody has. */
export const unixAddress = (): string => `unix:${join(tmpdir(), `pf-${randomUUID().slice(0, 8)}`)}`;

/** Starts `pageferry send`. */
export const startSender = (args: readonly string[]) =>
  execa(process.execPath, [MAIN, 'send', ...args], OPTIONS);
