import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { commonVersion, misfit } from '../../../src/runtime/process/handshake.ts';
import {
  type BodyOf,
  decodeMessage,
  encodeMessage,
  nameOfType,
} from '../../../src/runtime/process/messages.ts';
import { NotAdmitted } from '../../../src/runtime/process/receiver.ts';
import { loadScenario } from '../../../src/scenario/load.ts';
import { admitScenario, offerOf } from '../../../src/scenario/remote.ts';
import { FRAME_MAGIC, WIRE_VERSION } from '../../../src/wire/frame.ts';
import { type Receiving, startReceiving } from '../../support/receiving.ts';

const ID = '00'.repeat(16);
const OFFER: BodyOf<'offer'> = { versions: [1, 1], id: ID, needs: [], scenario: '{}', files: [] };
const MIB = 1024 * 1024;

interface Listening extends Receiving {
  /** Why others were turned away, so far. */
  readonly reasons: string[];
  /** The scenarios that were looked at. */
  readonly looks: string[];
}

let running: Listening | undefined;
afterEach(() => running?.stop());

/** Starts a receiver that looks at guests and takes none, so that no thread is started and no memory is taken. */
async function start(handshakeMs = 10_000): Promise<Listening> {
  const reasons: string[] = [];
  const looks: string[] = [];
  const receiving = await startReceiving({
    patience: { handshakeMs, setUpMs: 1000, reconnectMs: 0, silenceMs: 10_000 },
    admit: ({ scenario }) => {
      looks.push(scenario);
      throw new NotAdmitted('no guests today');
    },
    onTurnedAway: (_, reason) => void reasons.push(reason),
  });
  running = { ...receiving, reasons, looks };
  return running;
}

/** Sends bytes, and returns the messages that come back until the receiver closes the connection. */
async function talk(port: number, act: (socket: Socket) => void): Promise<string[]> {
  const socket = connect(port, '127.0.0.1', () => act(socket));
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => void chunks.push(chunk));
  socket.on('error', () => undefined);
  await new Promise((resolve) => void socket.once('close', resolve));
  let bytes = Buffer.concat(chunks);
  const answers: string[] = [];
  while (bytes.length > 0) {
    const length = bytes.readUInt32LE(8);
    const { name, body } = decodeMessage(
      nameOfType(bytes.readUInt16LE(6))!,
      bytes.subarray(0, length),
    );
    answers.push('sentence' in body ? `${name}: ${body.sentence}` : name);
    bytes = bytes.subarray(length);
  }
  return answers;
}

const offering =
  (changes: Partial<BodyOf<'offer'>> = {}) =>
  (socket: Socket): void =>
    void socket.write(encodeMessage('offer', { ...OFFER, ...changes }));

/** The first bytes of a frame that is in nobody's turn. */
const FRAME = Buffer.alloc(64);
FRAME.writeUInt32LE(FRAME_MAGIC, 0);
FRAME.writeUInt16LE(WIRE_VERSION, 4);
FRAME.writeUInt32LE(64, 8);

/** An offer that announces to be as long as a number of 32 bits can say. */
const GIANT = encodeMessage('offer', OFFER);
GIANT.writeUInt32LE(2 ** 32 - 1, 8);

describe('a receiver', () => {
  it.each([
    ['bytes of another protocol', Buffer.from('SSH-2.0-OpenSSH_9.6\r\n'), 'does not speak the'],
    ['a giant offer', GIANT, 'it announced offer of 4294967295 bytes'],
    ['a frame before any offer', FRAME, 'it sent a frame out of turn'],
    ['a message before any offer', encodeMessage('park', {}), 'it sent PARK before its turn'],
    ['what only receivers send', encodeMessage('accept', { version: 1 }), 'ACCEPT before its turn'],
  ])('turns %s away, says why, and serves the next one', async (_, bytes, sentence) => {
    const { port, reasons, looks } = await start();
    const answers = await talk(port, (socket) => void socket.write(bytes));
    expect(answers).toEqual([expect.stringMatching(new RegExp(`^fail: .*${sentence}`))]);
    expect(await talk(port, offering())).toEqual(['refuse: no guests today']);
    expect(reasons).toEqual([expect.stringContaining(sentence), 'no guests today']);
    expect(looks).toEqual(['{}']);
  });

  it('turns away who speaks other versions, or needs what it does not know, before it looks at the guest', async () => {
    const { port, looks } = await start();
    expect(await talk(port, offering({ versions: [2, 3] }))).toEqual([
      'refuse: it speaks version 1 of the protocol, the sender versions 2 to 3: use the same release on both sides',
    ]);
    expect(await talk(port, offering({ needs: ['devices', 'telepathy'] }))).toEqual([
      'refuse: it does not know telepathy: use a newer release there',
    ]);
    expect(looks).toEqual([]);
  });

  it('gives nobody longer than its patience, however often a byte comes', async () => {
    const { port, reasons } = await start(60);
    const bytes = encodeMessage('offer', OFFER);
    let at = 0;
    let timer: NodeJS.Timeout | undefined;
    const answers = await talk(port, (socket) => {
      timer = setInterval(() => socket.write(bytes.subarray(at, ++at)), 5);
    });
    clearInterval(timer);
    expect(answers).toEqual([]);
    expect(at).toBeLessThan(bytes.length);
    expect(reasons).toEqual(['OFFER or RESUME did not come within 0.06 s']);
  });

  it('ends when it is told to, and says so to who is there', async () => {
    const { port, stop } = await start();
    const answers = talk(port, (socket) => {
      socket.write(encodeMessage('offer', OFFER).subarray(0, 20));
      setTimeout(() => void stop(), 20);
    });
    expect(await answers).toEqual(['fail: the receiver was stopped']);
  });
});

describe('versions', () => {
  it.each([
    [[1, 1], [1, 1], 1],
    [[1, 2], [2, 3], 2],
    [[2, 3], [1, 2], 2],
    [[2, 3], [2, 3], 3],
    [[1, 1], [2, 3], undefined],
    [[3, 4], [1, 2], undefined],
    [[3, 1], [1, 3], undefined],
  ] as const)('%j and %j speak %s', (theirs, ours, version) => {
    expect(commonVersion(theirs, ours)).toBe(version);
  });

  it('are no reason to refuse when one of them is known on both sides', () => {
    expect(misfit({ ...OFFER, versions: [1, 2], needs: ['postcopy', 'xbzrle'] })).toBeUndefined();
  });
});

describe('an offered scenario', () => {
  const limits = { memoryBytes: 64 * MIB, vcpus: 2, migrations: 1 };
  const admit = (scenario: object) => (): unknown =>
    admitScenario({ scenario: JSON.stringify(scenario), files: [] }, limits);

  it('is made a configuration when it fits', () => {
    const { guest, link } = admitScenario(
      { scenario: '{ "guest": { "memory": "64MiB" } }', files: [] },
      limits,
    );
    expect({ guest, link }).toMatchObject({ guest: { memoryBytes: 64 * MIB, vcpus: 2 } });
  });

  it.each([
    [{ guest: { memory: '65MiB' } }, 'the guest has 65 MiB, this receiver has room for 64 MiB'],
    [{ guest: { memory: '1MiB', vcpus: 3 } }, 'the guest has 3 vCPUs, this receiver takes 2'],
    [{ guest: { memory: 'much' } }, 'guest.memory: expected a size'],
    [{ guest: { memory: '1MiB' }, runtime: 'virtual' }, 'a virtual guest can not be sent'],
    [
      {
        guest: {
          memory: '64MiB',
          workloads: Array.from({ length: 600 }, (_, i) => ({
            pattern: 'zipf',
            rate: 1,
            theta: 0.001 * (i + 1),
          })),
        },
      },
      'the tables of its workloads need more memory',
    ],
    [{}, 'guest: is missing'],
    [[], 'the offered scenario'],
    [
      {
        guest: {
          memory: '1MiB',
          workloads: [{ pattern: 'trace', trace: { file: '/etc/hostname' } }],
        },
      },
      'guest.workloads[0].trace.file: /etc/hostname is not among the files that were sent',
    ],
    [
      {
        guest: { memory: '1MiB' },
        migration: { policy: { module: '/tmp/evil.mjs', export: 'policy' } },
      },
      'migration.policy.module: files and modules are not taken from senders',
    ],
    [
      {
        guest: { memory: '1MiB', contents: [{ kind: 'file', path: '/etc/shadow' }] },
      },
      'guest.contents[0].path: files and modules are not taken from senders',
    ],
  ])('is refused when it does not fit (%#)', (scenario, sentence) => {
    expect(admit(scenario)).toThrow(NotAdmitted);
    expect(admit(scenario)).toThrow(sentence);
  });

  it('brings its traces along, so that the receiver plans the same streams', () => {
    const { scenario, config } = loadScenario('redis');
    const roomy = { memoryBytes: config.guest.memoryBytes, vcpus: 8, migrations: 1 };
    const offered = offerOf(scenario);
    expect(offered.files).toHaveLength(1);
    const received = admitScenario(offered, roomy);
    expect(received.guest.workloads).toEqual(config.guest.workloads);
    // The contents come as pages, and the receiver plans without them.
    expect(received).toEqual({ ...config, guest: { ...config.guest, contents: [] } });
  });

  it('is refused when its trace unpacks to more than the guest may have', () => {
    const header = '{"format":"pageferry/trace@1","intervalMs":10,"pageSize":4096}\n';
    const bytes = gzipSync(header + '[]\n'.repeat(1_000_000));
    const workloads = [{ pattern: 'trace', trace: { file: 'trace-0' } }];
    const scenario = JSON.stringify({ guest: { memory: '1MiB', workloads } });
    const tiny = { memoryBytes: MIB, vcpus: 2, migrations: 1 };
    expect(() => admitScenario({ scenario, files: [{ name: 'trace-0', bytes }] }, tiny)).toThrow(
      'guest.workloads[0].trace.file: trace-0 unpacks to more than 1 MiB',
    );
  });

  it('is refused when it is YAML, whose aliases can make much of little', () => {
    expect(() => admitScenario({ scenario: 'guest: { memory: 1MiB }', files: [] }, limits)).toThrow(
      'the offered scenario is not JSON',
    );
  });
});
