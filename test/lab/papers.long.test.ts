import { describe, expect, it } from 'vitest';
import { inTurn, isHeavy } from '../support/heavy.ts';
import { committedReproduction, reproduce } from '../support/papers.ts';

/** These take a minute or more each. */
const HEAVY = ['esx-idle-tax', 'esx-reallocation'];

/** These take 10 to 90 s each. Neighbours in the list run at different commits. */
const SLOW = [
  'esx-sharing-best-case',
  'hines-dsb-interval',
  'esx-sharing-production',
  'remus-specweb',
  'esx-balloon',
  'hines-stress-downtime',
  'remus-kernel-build',
  'hines-applications',
  'esx-active-memory',
  'remus-bandwidth',
  'qemu-free-page-hints',
  'remus-delay',
  'remus-postmark',
];

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
    'gang-migration',
    'hines-faults',
    'remus-checkpoint-time',
    'sandpiper-apache',
    'sandpiper-datacentre',
    'sandpiper-memory',
    'sandpiper-migration',
    'sandpiper-mixed',
    'sandpiper-placement-time',
    'sandpiper-stability',
    'sandpiper-swap',
  ])('%s comes to what is committed, figure and all', async (name) => {
    expect(await reproduce(name)).toEqual(committedReproduction(name));
  });

  it.each(inTurn(SLOW))('%s comes to what is committed, figure and all', async (name) => {
    expect(await reproduce(name)).toEqual(committedReproduction(name));
  });

  it.runIf(isHeavy).each(HEAVY)('%s comes to what is committed, figure and all', async (name) => {
    expect(await reproduce(name)).toEqual(committedReproduction(name));
  });
});
