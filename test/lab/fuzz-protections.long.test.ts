import { randomProtections } from '../support/random-protections.ts';

randomProtections(500, 1001);
