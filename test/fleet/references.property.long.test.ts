import { randomEvacuations } from '../support/random-evacuation-suite.ts';

randomEvacuations(400, 1000);
