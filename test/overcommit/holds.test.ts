import { describe, expect, it } from 'vitest';
import { explore } from '../support/interleave/explore.ts';
import type { Edit } from '../support/interleave/program.ts';
import { type HostOptions, hostWorld, openHostProgram } from '../support/worlds/host-world.ts';

const FENCE = 'memory/handshake/fence.ts';
const REQUESTS = 'memory/handshake/host-requests.ts';
const PAGES = 'overcommit/guest-pages.ts';

describe('a page that its host takes or shares while the guest runs, every interleaving of it', () => {
  it.each<HostOptions>([
    { vcpus: 1, act: 'take', by: 'access' },
    { vcpus: 1, act: 'share', by: 'access' },
  ])('no write is lost, and no wake-up: %o', async (options) => {
    const program = await openHostProgram();
    const { states, violation } = explore(() => hostWorld(program, options));
    expect(violation).toBeUndefined();
    expect(states).toBeGreaterThan(20);
    console.log(`${JSON.stringify(options)}: ${states} states`);
  });

  it.each<[string, RegExp, Partial<HostOptions>, Edit[]]>([
    [
      'a page is taken without waiting for an acknowledgement',
      /write of vCPU 0 was lost/,
      {},
      [{ file: FENCE, from: 'if (engine.haveAllAcknowledged()) return;', to: 'return;' }],
    ],
    [
      'a page is shared without waiting for an acknowledgement',
      /written without a copy/,
      { act: 'share' },
      [{ file: FENCE, from: 'if (engine.haveAllAcknowledged()) return;', to: 'return;' }],
    ],
    [
      'a fence waits for an epoch that was acknowledged before',
      /write of vCPU 0 was lost/,
      {},
      [{ file: FENCE, from: '    engine.bumpEpoch(0);\n', to: '' }],
    ],
    [
      'a page is held without closing its gate',
      /write of vCPU 0 was lost/,
      {},
      [{ file: PAGES, from: '    this.gate.mark(gfn, 1, bit);\n', to: '' }],
    ],
    [
      'a copy on write is forgotten',
      /written without a copy/,
      { act: 'share' },
      [
        {
          file: PAGES,
          from: '    this.shared++;\n    this.gate.mark(gfn, 1, PAGE_SHARED);\n',
          to: '    this.shared++;\n',
        },
      ],
    ],
    [
      'a request is answered without waking its vCPU',
      /sleeps for ever/,
      {},
      [{ file: REQUESTS, from: '  Atomics.notify(words, requestOf(writer));\n', to: '' }],
    ],
    [
      'a vCPU rings before it has said what it asks for',
      /sleeps for ever/,
      {},
      [
        { file: REQUESTS, from: '    handshake.ringDoorbell();\n', to: '' },
        {
          file: REQUESTS,
          from: '    Atomics.store(words, request, kind);\n',
          to: '    handshake.ringDoorbell();\n    Atomics.store(words, request, kind);\n',
        },
      ],
    ],
  ])('finds the planted bug: %s', async (_, message, options, edits) => {
    const program = await openHostProgram(edits);
    const { violation } = explore(() =>
      hostWorld(program, { vcpus: 1, act: 'take', by: 'access', ...options }),
    );
    expect(violation?.message).toMatch(message);
  });
});
