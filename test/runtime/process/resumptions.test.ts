import { duplexPair } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { Connection } from '../../../src/runtime/process/connection.ts';
import { PATIENCE } from '../../../src/runtime/process/handshake.ts';
import type { BodyOf, MessageName } from '../../../src/runtime/process/messages.ts';
import type { ItemCounts } from '../../../src/runtime/process/outbox.ts';
import { newSecret, resumeCode } from '../../../src/runtime/process/resume-code.ts';
import { Resumptions } from '../../../src/runtime/process/resumptions.ts';
import { StreamReader } from '../../../src/runtime/process/stream-reader.ts';

const open: Connection[] = [];
afterEach(() => {
  for (const connection of open.splice(0)) connection.close();
});

const ID = 'ab'.repeat(16);
const secret = newSecret();
const offered = (): BodyOf<'offer'> => ({
  versions: [1, 1],
  id: ID,
  needs: [],
  scenario: '{}',
  files: [],
  survival: { secret, withinMs: 5000, silenceMs: 60_000 },
});

/** A receiver's migration, which may be resumed. */
function begun(patience = PATIENCE) {
  const resumptions = new Resumptions(patience);
  const [, stream] = duplexPair();
  const connection = new Connection(stream, 'sender');
  open.push(connection);
  const offer = offered();
  const granted = resumptions.grant(offer);
  connection.send('accept', { version: 1 });
  resumptions.begin(offer, connection, granted);
  return { resumptions, connection, granted };
}

const NOTHING: ItemCounts = { messages: 0, frames: 0 };

/** What somebody claims who resumes. */
function claim(change: Partial<BodyOf<'resume'>> = {}, key = secret): BodyOf<'resume'> {
  const said = { id: ID, attempt: 1, came: { messages: 1, frames: 0 }, afresh: false };
  const code = resumeCode(key, { ...said, from: 'sender' });
  return { ...said, code, ...change };
}

/** Lets somebody resume, and returns what they hear. */
async function answer(resumptions: Resumptions, body: BodyOf<'resume'>): Promise<MessageName[]> {
  const [near, far] = duplexPair();
  const heard: MessageName[] = [];
  const reader = new StreamReader({
    frameRoom: () => undefined,
    frame: () => undefined,
    admit: () => undefined,
    message: (kind) => void heard.push(kind),
  });
  near.on('data', (chunk: Buffer) => void reader.push(chunk));
  const stranger = new Connection(far, 'sender');
  open.push(stranger);
  resumptions.resume(body, stranger);
  await new Promise((resolve) => void setImmediate(resolve));
  return heard;
}

describe('a lost connection of a receiver', () => {
  it('is replaced by whoever knows the secret, once for each attempt', async () => {
    const { resumptions, connection } = begun();
    expect(await answer(resumptions, claim())).toEqual(['resumed']);
    expect(connection.losses).toHaveLength(1);
    expect(await answer(resumptions, claim())).toEqual(['gone']);
    expect(connection.losses).toHaveLength(1);
    expect(connection.ended).toBeUndefined();
  });

  const other = newSecret();
  it.each([
    ['another secret', claim({}, other)],
    ['no code', claim({ code: new Uint8Array() })],
    ['the code of another attempt', claim({ attempt: 2 })],
    ['the code of other counts', claim({ came: NOTHING })],
    ['the code for frames that do not begin anew', claim({ afresh: true })],
    [
      'the code of the other side',
      claim({
        code: resumeCode(secret, { ...claim(), from: 'receiver' }),
      }),
    ],
    ['a migration that there is not', claim({ id: 'cd'.repeat(16) })],
  ])('is not replaced by somebody with %s', async (_, body) => {
    const { resumptions, connection } = begun();
    expect(await answer(resumptions, body)).toEqual(['gone']);
    expect(connection.losses).toHaveLength(0);
  });

  it('is not replaced after its migration, and only its sender hears whether the guest has run', async () => {
    const { resumptions } = begun();
    resumptions.end(ID, false);
    const heard: (boolean | undefined)[] = [];
    for (const body of [claim(), claim({}, other)]) {
      const [near, far] = duplexPair();
      const sender = new Connection(near, 'receiver');
      const stranger = new Connection(far, 'sender');
      open.push(stranger, sender);
      const gone = new Promise<boolean | undefined>((resolve) => {
        const send = stranger.send.bind(stranger);
        stranger.send = (name, told) => {
          if (name === 'gone') resolve((told as BodyOf<'gone'>).ran);
          send(name, told);
        };
      });
      resumptions.resume(body, stranger);
      heard.push(await gone);
    }
    expect(heard).toEqual([false, undefined]);
  });

  it('is waited for no longer than the receiver wants', () => {
    const patience = { ...PATIENCE, reconnectMs: 300, silenceMs: 200 };
    expect(begun(patience).granted).toEqual({ withinMs: 300, silenceMs: 200 });
  });
});
