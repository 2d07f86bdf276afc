import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { formatAddress, isLocal, parseAddress } from '../../../src/runtime/process/address.ts';
import { clientOptions, readSecurity } from '../../../src/runtime/process/security.ts';

const folder = mkdtempSync(join(tmpdir(), 'security-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

describe('an address', () => {
  it.each([
    ['127.0.0.1:7777', true],
    ['127.9.8.7:1', true],
    ['localhost:0', true],
    ['[::1]:7777', true],
    ['unix:/tmp/a.sock', true],
    ['0.0.0.0:7777', false],
    ['[::]:7777', false],
    ['192.0.2.7:65535', false],
    ['127.example.org:1', false],
    ['localhost.example.org:1', false],
  ])('%s is read, and it is known whether others can reach it', (text, local) => {
    const address = parseAddress(text);
    expect(formatAddress(address)).toBe(text);
    expect(isLocal(address)).toBe(local);
  });

  it.each([
    '7777',
    'host',
    'host:',
    ':7777',
    'host:65536',
    'a:b:1',
    '::1:7777',
    'host:-1',
    'a b:1',
  ])('%s is refused', (text) => expect(() => parseAddress(text)).toThrow(`got "${text}"`));

  it('has a path of a length that the system takes', () => {
    expect(() => parseAddress('unix:')).toThrow('needs a path');
    expect(parseAddress(`unix:${'x'.repeat(107)}`).kind).toBe('unix');
    expect(() => parseAddress(`unix:${'x'.repeat(108)}`)).toThrow('this one has 108');
  });
});

describe('the security of a connection', () => {
  it('by a key takes no certificate in its place, not even one of a public authority', () => {
    const options = clientOptions({ kind: 'psk', key: Buffer.alloc(16) }, 'host') as {
      ca: unknown;
      checkServerIdentity: (host: string, cert: object) => Error | undefined;
    };
    expect(options.ca).toEqual([]);
    expect(options.checkServerIdentity('host', {})).toBeUndefined();
    const refusal = options.checkServerIdentity('host', { raw: Buffer.alloc(1) });
    expect(refusal?.message).toBe('it has a certificate in place of the pre-shared key');
  });

  it('is read from the files that options name', () => {
    expect(readSecurity({})).toEqual({ kind: 'plain' });
    expect(readSecurity({ psk: file('key', `${'0f'.repeat(16)}\n`) })).toEqual({
      kind: 'psk',
      key: Buffer.alloc(16, 15),
    });
    const pem = file('pem', 'x');
    expect(readSecurity({ cert: pem, key: pem, ca: pem }).kind).toBe('certificates');
  });

  it.each([
    [{ cert: 'a' }, '--cert', 'needs --key and --ca as well'],
    [{ cert: 'a', ca: 'b' }, '--cert', 'needs --key as well'],
    [{ key: 'a', psk: 'b' }, '--psk b', 'leave out --key'],
    [{ psk: '/gone' }, '--psk /gone', 'there is no such file'],
    [{ psk: file('short', '00'.repeat(15)) }, '--psk', 'expected 32 to 128 hexadecimal digits'],
    [{ psk: file('long', '00'.repeat(65)) }, '--psk', 'expected 32 to 128 hexadecimal digits'],
    [{ psk: file('odd', '0'.repeat(33)) }, '--psk', 'expected 32 to 128 hexadecimal digits'],
    [{ psk: file('text', 'correct horse battery staple, too') }, '--psk', 'openssl rand -hex 32'],
  ])('is refused when it is %j', (files, place, sentence) => {
    expect(() => readSecurity(files)).toThrow(
      expect.objectContaining({
        place: expect.stringContaining(place),
        message: expect.stringContaining(sentence),
      }),
    );
  });
});
