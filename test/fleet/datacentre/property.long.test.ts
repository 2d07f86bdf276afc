import { expect, it } from 'vitest';
import { isHeavy } from '../../support/heavy.ts';
import { checkRandomFleets } from '../../support/fleet-invariants.ts';

const FLEETS = 192;

it.runIf(isHeavy)(
  'keeps its rules in many random fleets',
  async () => {
    const { migrated, dropped } = await checkRandomFleets(1001, FLEETS);
    console.log(`${migrated} of ${FLEETS} fleets had migrations, ${dropped} dropped requests`);
    expect(migrated).toBeGreaterThanOrEqual(FLEETS / 4);
    expect(dropped).toBeGreaterThanOrEqual(FLEETS / 10);
  },
  900_000,
);
