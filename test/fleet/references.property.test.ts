import { randomEvacuations } from '../support/random-evacuation-suite.ts';

// `npm run test:long` makes more.
randomEvacuations(30);
