import { describe } from 'vitest';
import { isHeavy } from '../support/heavy.ts';
import { randomEvacuations } from '../support/random-evacuation-suite.ts';

// Seed 1030 ends with a migration that its lost connection has failed, which is not explained yet.
describe.runIf(isHeavy)('many evacuations', () => {
  randomEvacuations(400, 1000);
});
