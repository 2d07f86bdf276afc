import { describe, expect, it } from 'vitest';
import { explore } from '../support/interleave/explore.ts';
import type { Edit } from '../support/interleave/program.ts';
import { type HostOptions, hostWorld, openHostProgram } from '../support/worlds/host-world.ts';

const REQUESTS = 'memory/handshake/host-requests.ts';
const VCPU_HOST = 'overcommit/vcpu-host.ts';

describe('a page that its host takes or shares several times, every interleaving of it', () => {
  it.each<HostOptions>([
    { vcpus: 1, act: 'take', by: 'disk', times: 2, isPaused: true },
    { vcpus: 1, act: 'take', by: 'disk', times: 2 },
    { vcpus: 1, act: 'take', by: 'access', times: 2, writes: 2 },
    { vcpus: 1, act: 'share', by: 'access', times: 2 },
  ])('no write is lost, and no wake-up: %o', async (options) => {
    const program = await openHostProgram();
    const { states, violation } = explore(() => hostWorld(program, options));
    expect(violation).toBeUndefined();
    expect(states).toBeGreaterThan(20);
    console.log(`${JSON.stringify(options)}: ${states} states`);
  });

  it.each<[string, RegExp, Partial<HostOptions>, Edit[]]>([
    [
      'a vCPU does not look again after an answer, though its host may have taken the page again',
      /write of vCPU 0 was lost/,
      {},
      [
        {
          file: VCPU_HOST,
          from: 'while (this.#isStopped(slot, page, PAGE_SWAPPED | PAGE_WRITE_GATES))',
          to: 'if (this.#isStopped(slot, page, PAGE_SWAPPED | PAGE_WRITE_GATES))',
        },
      ],
    ],
    [
      'a vCPU goes on with its host while the guest is paused',
      /sleeps for ever|write of vCPU 0 was lost/,
      { isPaused: true },
      [
        {
          file: REQUESTS,
          from: 'while (!mayRun) {',
          to: 'while (Number(mayRun) > 1) {',
        },
      ],
    ],
  ])('finds the planted bug: %s', async (_, message, options, edits) => {
    const program = await openHostProgram(edits);
    const { violation } = explore(() =>
      hostWorld(program, { vcpus: 1, act: 'take', by: 'disk', times: 2, ...options }),
    );
    expect(violation?.message).toMatch(message);
  });
});
