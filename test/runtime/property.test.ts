import { randomRunsOfEachKind } from '../support/random-suite.ts';

// `npm run test:long` makes more.
randomRunsOfEachKind(4);
