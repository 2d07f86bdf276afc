import { expect, it } from 'vitest';
import { checkRandomFleets } from '../../support/fleet-invariants.ts';

const FLEETS = 8;

it('keeps its rules in random fleets: capacities, places, requests, memory and every byte', async () => {
  const { migrated } = await checkRandomFleets(1, FLEETS);
  // Without migrations the test would say little.
  expect(migrated).toBeGreaterThanOrEqual(FLEETS / 4);
}, 120_000);
