import { describe, expect, it } from 'vitest';
import { addressOf, patienceOf, securityOf } from '../../src/cli/peer-flags.ts';
import { PATIENCE } from '../../src/runtime/process/handshake.ts';
import { InputError } from '../../src/scenario/input-error.ts';

const local = addressOf('--to', '127.0.0.1:7777');
const open = addressOf('--listen', '0.0.0.0:7777');

describe('the options of send and receive', () => {
  it('do without TLS on this machine, or where a person says so', () => {
    expect(securityOf({}, local)).toEqual({ kind: 'plain' });
    expect(securityOf({}, addressOf('--to', 'unix:/tmp/a'))).toEqual({ kind: 'plain' });
    expect(securityOf({ plaintext: true }, open)).toEqual({ kind: 'plain' });
  });

  it('have a timeout, which is that of the handshake', () => {
    expect(patienceOf({})).toEqual(PATIENCE);
    expect(patienceOf({ handshakeTimeout: '250ms' })).toEqual({ ...PATIENCE, handshakeMs: 250 });
    const others = patienceOf({ reconnectTimeout: '0s', silenceTimeout: '2s' });
    expect(others).toEqual({ ...PATIENCE, reconnectMs: 0, silenceMs: 2000 });
  });

  it.each([
    [() => addressOf('--listen', '7777'), '--listen: expected HOST:PORT such as 127.0.0.1:7777'],
    [() => securityOf({}, open), '0.0.0.0:7777: others can reach this address: give --cert'],
    [() => securityOf({ psk: './gone' }, local), '--psk ./gone: there is no such file'],
    [() => securityOf({ cert: 'a' }, local), '--cert: needs --key and --ca as well'],
    [() => patienceOf({ handshakeTimeout: '5' }), '--handshake-timeout: expected 1ms to 1h'],
    [() => patienceOf({ reconnectTimeout: '2h' }), '--reconnect-timeout: expected 0s to 1h'],
    [() => patienceOf({ silenceTimeout: '9ms' }), '--silence-timeout: expected 100ms to 1h'],
    [() => patienceOf({ handshakeTimeout: '2h' }), '--handshake-timeout: expected 1ms to 1h'],
  ])('are refused in one sentence, which names the option (%#)', (act, sentence) => {
    expect(act).toThrow(InputError);
    expect(act).toThrow(sentence);
  });
});
