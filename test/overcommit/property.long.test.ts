import { randomHosts } from '../support/random-host-suite.ts';

randomHosts(600, 1000);
