import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Connection } from '../../../src/runtime/process/connection.ts';
import { sendGuest } from '../../../src/runtime/process/sender.ts';
import { loadScenarioText } from '../../../src/scenario/load.ts';
import { offerOf } from '../../../src/scenario/remote.ts';
import { inTurn } from '../../support/heavy.ts';
import { type Receiving, startReceiving } from '../../support/receiving.ts';

const GUEST = `guest:
  memory: 32MiB
  vcpus: 2
  contents: [{ kind: mixed }]
  workloads: [{ pattern: uniform, rate: 20000, writes: 0.7, region: { size: 8MiB } }]
link: { bandwidth: 4Gbit/s }
migration: { startAfter: 30ms, runAfter: 30ms }
`;

/** What else a guest may have that its receiver has to know of, each a migration that is proved. */
const VARIANTS: readonly (readonly [string, ...string[]])[] = [
  ['pre-copy with many slots', 'guest.memslots=5', 'guest.dirtyLog=ring'],
  ['stop-and-copy', 'migration.algorithm=stop-and-copy'],
  ['post-copy', 'migration.algorithm=postcopy', 'migration.postcopyPreempt=true'],
  ['hybrid', 'migration.algorithm=hybrid'],
  ['proof from the initial contents', 'verify=full'],
  ['pages of 64 KiB', 'guest.pageSize=64KiB', 'guest.dirtyLog=bytemap'],
  ['pages of 2 MiB', 'guest.pageSize=2MiB', 'guest.workloads[0].region.size=16MiB'],
  ['devices', 'guest.deviceProfile=kvm'],
  ['a memory manager', 'guest.memoryManager={}', 'guest.workloads[0].vcpu=0'],
  [
    'a memory manager and hints of free pages',
    'guest.memoryManager={}',
    'guest.workloads[0].vcpu=0',
    'guest.workloads[0].frees=50ms',
    'migration.freePageHints=true',
  ],
  ['differences', 'migration.encodings=[zero,xbzrle]'],
  ['compressed pages', 'migration.encodings=[zero,zstd]'],
  ['references', 'migration.encodings=[zero,reference]'],
  ['headers alone protected', 'link.integrity=header', 'link.bandwidth=unlimited'],
];

describe('a migration between two processes', () => {
  let receiving: Receiving;
  beforeAll(async () => {
    receiving = await startReceiving();
  });
  afterAll(() => receiving.stop());

  it.each(inTurn(VARIANTS))('keeps every byte with %s', async (what, ...sets) => {
    const { scenario, config } = loadScenarioText('test', GUEST, sets);
    const { source, proof } = await sendGuest({
      config,
      offered: offerOf(scenario),
      id: createHash('md5').update(what).digest('hex'),
      connection: new Connection(connect(receiving.port, '127.0.0.1'), 'receiver'),
      facts: { to: 'here', transport: 'tcp', security: 'plain' },
    });
    expect({ outcome: source.outcome, error: source.error, proof }).toMatchObject({
      outcome: 'completed',
      error: undefined,
      proof: { ok: true, problems: [], differingPages: 0 },
    });
  });
});
