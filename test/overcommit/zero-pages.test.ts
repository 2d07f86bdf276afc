import { describe, expect, it } from 'vitest';
import { loadHostDocument } from '../../src/fleet/host/load.ts';
import { runHost } from '../../src/fleet/host/run.ts';
import { ScenarioDocument } from '../../src/scenario/document.ts';

/** Two guests that have zeroed all of their memory, of which a small part holds anything by now. */
const BOOT = `
duration: 20s
sample: 10s
host: { memory: 4MiB, sharing: { guestRate: 1, rate: 1 } }
guests:
  - name: guest
    count: 2
    populate: all
    guest: { memory: 4MiB, vcpus: 1, contents: [{ kind: random, region: { size: 512KiB } }] }
`;

describe('a host whose guests have zeroed more memory than it has', () => {
  it('shares their zero pages before it pages anything out, though it had no time to scan', async () => {
    const { config } = loadHostDocument(new ScenarioDocument('boot', BOOT), '.');
    const { paging, proof } = await runHost(config);
    expect(proof!.problems).toEqual([]);
    expect(proof!.guests.map((guest) => guest.proof.ok)).toEqual([true, true]);
    expect(paging.sharedInstead).toBeGreaterThan(900);
    // What is not zero is picked at random beside the zero pages, and nothing of it is paged out twice.
    expect(paging.swappedOut).toBeLessThan(256);
  });
});
