import { randomHosts } from '../support/random-host-suite.ts';

randomHosts(240, 1000);
