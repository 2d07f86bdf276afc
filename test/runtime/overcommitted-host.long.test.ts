import { describe } from 'vitest';
import { isHeavy } from '../support/heavy.ts';
import { threadedHosts } from '../support/threaded-host-suite.ts';

const sizesMiB = [64, 128, 256];
describe.runIf(isHeavy)('many of them', () => threadedHosts(60, 1001, { sizesMiB, lifeNs: 5e9 }));
