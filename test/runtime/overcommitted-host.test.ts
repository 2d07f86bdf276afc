import { threadedHosts } from '../support/threaded-host-suite.ts';

// `npm run test:long` makes more.
threadedHosts(6, 1, { sizesMiB: [64, 64], lifeNs: 0.5e9 });
