import { describe } from 'vitest';
import { isHeavy } from '../support/heavy.ts';
import { threadedHosts } from '../support/threaded-host-suite.ts';

describe.runIf(isHeavy)('many hosts in threads', () => {
  threadedHosts(60, 1001, { sizesMiB: [64, 128, 256], lifeNs: 5e9 });
});
