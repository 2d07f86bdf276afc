import { randomHosts } from '../support/random-host-suite.ts';

randomHosts(200, 1000);
