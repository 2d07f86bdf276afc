import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { receiveSchema } from '../../src/result/receive.ts';
import { cliFolder, readResult, sets, SMALL } from '../support/cli.ts';
import { startReceiver, startSender } from '../support/processes.ts';

const { folder, write } = cliFolder();

describe('send and receive', () => {
  it('moves a guest to another process, which has turned others away before, and proves every byte', async () => {
    const key = join(folder, 'key');
    writeFileSync(key, '00112233445566778899aabbccddeeff\n');
    const receiver = await startReceiver([
      '--max-memory',
      '32MiB',
      '--psk',
      key,
      '--json',
      '--once',
    ]);
    const port = Number(receiver.address.split(':')[1]);
    const stranger = connect(port, '127.0.0.1', () => stranger.end('GET / HTTP/1.1\r\n\r\n'));
    stranger.on('error', () => undefined);
    await receiver.line('somebody was turned away');
    const scenario = write('small.yaml', SMALL);
    const to = ['--to', receiver.address, '--psk', key];
    const large = await startSender([scenario, ...to, ...sets('guest.memory=64MiB')]);
    expect({ exitCode: large.exitCode, stderr: large.stderr }).toEqual({
      exitCode: 1,
      stderr: `${receiver.address} refuses the guest: the guest has 64 MiB, this receiver has room for 32 MiB: send a smaller guest, or start the receiver with a larger --max-memory\n`,
    });
    const output = join(folder, 'sent.json');
    const { exitCode, stdout, stderr } = await startSender([scenario, ...to, '-o', output]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/^proved: 16 MiB in 4096 pages/m);
    const result = readResult(output);
    expect(result).toMatchObject({
      runtime: 'processes',
      outcome: 'completed',
      verify: { kind: 'replay', ok: true, pagesCompared: 4096 },
      connection: { to: receiver.address, transport: 'tcp', security: 'psk' },
    });
    // The guest ran on at the receiver, so it has made accesses after the migration.
    expect(result.guest.accessesAfter).toBeGreaterThan(0);
    const received = await receiver.ended;
    expect(received.exitCode).toBe(0);
    expect(receiveSchema.parse(JSON.parse(received.stdout))).toMatchObject({
      turnedAway: 2,
      migrations: [
        {
          id: result.connection!.id,
          outcome: 'completed',
          ran: true,
          verify: 'ok',
          pages: result.ram.normal + result.ram.duplicate,
        },
      ],
    });
  });
});
