import { threadedHosts } from '../support/threaded-host-suite.ts';

threadedHosts(60, 1001, { sizesMiB: [64, 128, 256], lifeNs: 5e9 });
