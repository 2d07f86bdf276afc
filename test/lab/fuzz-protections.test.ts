import { randomProtections } from '../support/random-protections.ts';

// `npm run test:long` plays more.
randomProtections(40);
