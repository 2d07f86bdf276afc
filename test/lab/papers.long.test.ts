import { describe, expect, it } from 'vitest';
import { isHeavy } from '../support/heavy.ts';
import { committedReproduction, reproduce } from '../support/papers.ts';

/** These take a minute or more each. */
const HEAVY = ['esx-idle-tax', 'esx-reallocation'];

/** What npm test does not run anew, but for the experiments of tens of minutes: `npm run papers`. */
describe('an experiment of a paper', () => {
  it.each([
    'clark-downtime-vs-bandwidth-kernel',
    'clark-downtime-vs-bandwidth-oltp',
    'clark-downtime-vs-bandwidth-quake3',
    'clark-downtime-vs-bandwidth-specweb',
    'clark-mmuncher',
    'clark-quake',
    'clark-webserver',
    'esx-active-memory',
    'esx-balloon',
    'esx-sharing-best-case',
    'esx-sharing-production',
    'gang-migration',
    'hines-applications',
    'hines-dsb-interval',
    'hines-faults',
    'hines-stress-downtime',
    'qemu-free-page-hints',
    'remus-checkpoint-time',
  ])('%s comes to what is committed, figure and all', async (name) => {
    expect(await reproduce(name)).toEqual(committedReproduction(name));
  });

  it.runIf(isHeavy).each(HEAVY)('%s comes to what is committed, figure and all', async (name) => {
    expect(await reproduce(name)).toEqual(committedReproduction(name));
  });
});
