import { expect, it } from 'vitest';
import { withDevices } from '../../src/lab/fuzz/devices.ts';
import { fuzz } from '../../src/lab/fuzz/fuzz.ts';
import type { DevicesReport } from '../../src/migration/devices/source-devices.ts';

const SEEDS = 40;

it(`random migrations of guests with devices lose nothing, end, and run on one side: ${SEEDS} seeds`, async () => {
  const seen = { moved: 0, live: 0, acked: 0, loaded: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    const reports: DevicesReport[] = [];
    const { wrongs } = await fuzz(
      seed,
      ({ source }) => {
        expect(source.devices).toBeDefined();
        if (source.outcome === 'completed') reports.push(source.devices!);
      },
      withDevices,
    );
    expect(wrongs, `seed ${seed}: npm run fuzz -- --devices --seed ${seed}`).toEqual([]);
    if (reports.length > 0) seen.moved++;
    if (reports.some(({ precopyBytes }) => precopyBytes > 0)) seen.live++;
    if (reports.some(({ ackedNs }) => ackedNs !== undefined)) seen.acked++;
    if (reports.some(({ list }) => list.some(({ loadNs }) => loadNs > 0))) seen.loaded++;
  }
  console.log(`${SEEDS} seeds with devices: ${JSON.stringify(seen)}`);
  for (const count of Object.values(seen)) expect(count).toBeGreaterThanOrEqual(4);
});
