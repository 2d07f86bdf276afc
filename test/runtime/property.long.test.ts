import { randomRunsOfEachKind } from '../support/random-suite.ts';

// These are 196 in all.
randomRunsOfEachKind(28);
