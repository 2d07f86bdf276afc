import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cliFolder, readResult, sets, SLOW, SMALL } from '../support/cli.ts';
import { startReceiver, startSender, unixAddress } from '../support/processes.ts';

const { folder, write } = cliFolder();
const POSTCOPY = sets(
  'migration.algorithm=postcopy',
  'migration.policy=null',
  'migration.rounds=null',
);
const scenario = (): string => write('small.yaml', SMALL);

/** Starts a migration that takes some 13 seconds, and waits until the receiver says that its guest is coming, or runs. */
async function underWay(args: readonly string[], step: 'is coming' | 'runs here') {
  const receiver = await startReceiver([]);
  const output = join(folder, `${receiver.pid}.json`);
  const sender = startSender([
    scenario(),
    '--to',
    receiver.address,
    '-o',
    output,
    ...sets(...SLOW),
    ...args,
  ]);
  await receiver.line(`the guest ${step}`);
  return { receiver, sender, output };
}

describe('a receiver that is killed', () => {
  it('before RUN leaves the guest at the sender, unharmed', async () => {
    const { receiver, sender, output } = await underWay([], 'is coming');
    receiver.kill('SIGKILL');
    expect((await sender).exitCode).toBe(1);
    const { outcome, error, guestLost, verify, guest } = readResult(output);
    expect({ outcome, guestLost }).toEqual({ outcome: 'failed', guestLost: undefined });
    expect(error).toContain('it closed the connection');
    expect(verify).toMatchObject({ kind: 'full', ok: true });
    expect(guest.accessesAfter).toBeGreaterThan(0);
  });

  it('after RUN of a post-copy takes the guest with it, and the result says so', async () => {
    const { receiver, sender, output } = await underWay(POSTCOPY, 'runs here');
    receiver.kill('SIGKILL');
    expect((await sender).exitCode).toBe(1);
    const { outcome, guestLost, verify } = readResult(output);
    expect({ outcome, guestLost, verify }).toEqual({
      outcome: 'failed',
      guestLost: true,
      verify: undefined,
    });
  });
});

describe('a sender', () => {
  it('that is killed leaves its receiver ready for the next one', async () => {
    const { receiver, sender } = await underWay([], 'is coming');
    sender.kill('SIGKILL');
    await receiver.line('failed: it closed the connection');
    const next = await startSender([scenario(), '--to', receiver.address, '-q']);
    expect(next.exitCode).toBe(0);
    receiver.kill('SIGINT');
    expect((await receiver.ended).exitCode).toBe(1);
  });

  it('that is told to stop before RUN keeps its guest', async () => {
    const { receiver, sender, output } = await underWay([], 'is coming');
    sender.kill('SIGINT');
    expect((await sender).exitCode).toBe(1);
    expect(readResult(output)).toMatchObject({ outcome: 'cancelled', verify: { ok: true } });
    await receiver.line('cancelled, every byte is proved');
    receiver.kill('SIGINT');
    await receiver.ended;
  });
});

describe('a receiver that is told to stop', () => {
  it('tells a sender whose guest does not run there yet, and its guest stays', async () => {
    const { receiver, sender, output } = await underWay([], 'is coming');
    receiver.kill('SIGINT');
    expect((await sender).exitCode).toBe(1);
    expect((await receiver.ended).exitCode).toBe(1);
    const { error, verify } = readResult(output);
    expect(error).toContain('the receiver was stopped');
    expect(verify).toMatchObject({ ok: true });
  });

  it('first finishes the run of a guest that runs there', async () => {
    const receiver = await startReceiver([]);
    const args = [scenario(), '--to', receiver.address, '-q', ...sets('migration.runAfter=2s')];
    const sender = startSender(args);
    await receiver.line('the guest runs here');
    receiver.kill('SIGINT');
    expect((await sender).exitCode).toBe(0);
    expect((await receiver.ended).exitCode).toBe(0);
  });
});

describe('TLS 1.3', () => {
  const path = (name: string): string => join(folder, name);
  const openssl = (command: string): void =>
    void execFileSync('openssl', command.split(' '), { stdio: 'ignore', cwd: folder });
  const NEW = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';
  const authority = (name: string): void =>
    openssl(`req -x509 ${NEW} -keyout ${name}.key -out ${name}.pem -days 2 -subj /CN=${name}`);
  const certificate = (name: string, names: string): void => {
    writeFileSync(path('names'), `subjectAltName=${names}`);
    openssl(`req ${NEW} -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`);
    const ca = '-CA ca.pem -CAkey ca.key -CAcreateserial';
    openssl(`x509 -req -in ${name}.csr ${ca} -days 2 -out ${name}.pem -extfile names`);
  };
  const tls = (name: string, ca = 'ca'): string[] => [
    '--cert',
    path(`${name}.pem`),
    '--key',
    path(`${name}.key`),
    '--ca',
    path(`${ca}.pem`),
  ];

  it('takes those whose certificates the CA has signed, and nobody else, over TCP and a Unix socket', async () => {
    authority('ca');
    authority('other');
    certificate('one', 'IP:127.0.0.1');
    certificate('two', 'DNS:elsewhere.example.org');
    const receiver = await startReceiver(tls('one'));
    const send = (...args: string[]) =>
      startSender([scenario(), '--to', receiver.address, '-q', ...args]);
    const strangers = [
      [await send(...tls('other')), 'it may not accept the certificate of this side'],
      [await send(...tls('two', 'other')), 'certificate'],
      [await send(), 'closed the connection'],
    ] as const;
    for (const [{ exitCode, stderr }, sentence] of strangers) {
      expect({ exitCode, stderr }).toEqual({
        exitCode: 1,
        stderr: expect.stringContaining(sentence),
      });
    }
    expect((await send(...tls('two'))).exitCode).toBe(0);
    receiver.kill('SIGINT');
    const { stderr } = await receiver.ended;
    expect(stderr).toContain('its certificate is not accepted');
    expect(stderr).toContain('it does not speak TLS');
    // The certificate of `two` names another host, which matters only where there is a host.
    const wrong = await startReceiver([...tls('two'), '--once']);
    const refused = await startSender([scenario(), '--to', wrong.address, '-q', ...tls('one')]);
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('127.0.0.1') });
    wrong.kill('SIGINT');
    const local = await startReceiver([...tls('two'), '--once'], unixAddress());
    const sent = await startSender([scenario(), '--to', local.address, '-q', ...tls('one')]);
    expect(sent.exitCode).toBe(0);
    expect((await local.ended).exitCode).toBe(0);
  });

  it('takes those who have the same key', async () => {
    for (const [name, digit] of [
      ['a', '1'],
      ['b', '2'],
    ] as const) {
      writeFileSync(path(name), digit.repeat(64));
    }
    const receiver = await startReceiver(['--psk', path('a'), '--once']);
    const send = (key: string) =>
      startSender([scenario(), '--to', receiver.address, '-q', '--psk', path(key)]);
    const wrong = await send('b');
    expect(wrong).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('does not have the same pre-shared key'),
    });
    expect((await send('a')).exitCode).toBe(0);
    expect((await receiver.ended).exitCode).toBe(0);
  });
});

describe('a Unix socket', () => {
  it('that a killed receiver has left behind is taken over, and one in use is not', async () => {
    const address = unixAddress();
    const killed = await startReceiver([], address);
    killed.kill('SIGKILL');
    await killed.ended;
    expect(existsSync(address.slice(5))).toBe(true);
    const next = await startReceiver(['--once'], address);
    const third = await startReceiver([], address).catch((error: Error) => error.message);
    expect(third).toContain('somebody listens there already');
    expect((await startSender([scenario(), '--to', address, '-q'])).exitCode).toBe(0);
    await next.ended;
    expect(existsSync(address.slice(5))).toBe(false);
  });
});
