import { randomHosts, rareHosts } from '../support/random-host-suite.ts';

// `npm run test:long` makes more.
randomHosts(60);

// In 264 a page is swapped out after its paused guest has told of its slots; in 393 a migration with slots fails.
rareHosts([264, 393]);
