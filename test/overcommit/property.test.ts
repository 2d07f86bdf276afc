import { randomHosts } from '../support/random-host-suite.ts';

// `npm run test:long` makes more.
randomHosts(60);
