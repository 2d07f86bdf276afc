import { z } from 'zod';
import {
  below,
  COST_DESCRIPTIONS,
  type Descriptions,
  describeKeys,
  GUEST_DESCRIPTIONS,
  type JsonSchema,
  MIGRATION_DESCRIPTIONS,
  SCENARIO_DESCRIPTIONS,
} from '../../scenario/descriptions.ts';
import { completeSchema } from './schema.ts';

/** The keys of an evacuation, those of its guests and migrations among them. */
export const EVACUATION_DESCRIPTIONS: Descriptions = {
  name: 'what the evacuation is called in results.',
  seed: "the seed from which each guest's own seed is drawn.",
  runtime:
    'virtual: a deterministic clock, any number of guests; threads: real time, four small ones.',
  hosts: 'the host that is emptied, and at least one to go to.',
  'hosts[].name': 'what the other keys and the result call the host.',
  'hosts[].cpus': 'the number of CPUs that guests and migrations share, or unlimited.',
  'hosts[].nic': "the bandwidth of the host's network card in each direction, or unlimited.",
  core: 'the link that joins the hosts.',
  'core.bandwidth': 'how fast it is, or unlimited.',
  'core.latency': 'how long a message takes one way.',
  evacuate: 'the host that is emptied; absent: the first one.',
  parallel: 'how many guests migrate at a time.',
  'parallel.preset': 'the manager whose limits hold; absent: only what follows is limited.',
  'parallel.outgoing':
    'the most migrations that leave a host, or unlimited; absent: as the preset says.',
  'parallel.incoming':
    'the most migrations that come to a host, or unlimited; absent: as the preset says.',
  'parallel.cluster': 'the most migrations in all, or unlimited; absent: as the preset says.',
  'parallel.inBatches':
    'whether the next ones start only when all of a batch are over; absent: as the preset says.',
  order:
    'who goes first: given, smallest in memory, least-dirty by written bytes a second, or deadline.',
  sample:
    'how many guests, the smallest ones, have real bytes; the others count versions of pages.',
  guests: 'the guests of the host that is emptied, in groups of equal ones.',
  'guests[].name': 'the name of the guest; the guests of a group are numbered.',
  'guests[].count': 'how many equal guests there are; absent: one.',
  ...below('guests[].guest', GUEST_DESCRIPTIONS),
  ...below('guests[].migration', MIGRATION_DESCRIPTIONS),
  'guests[].migration': "how these guests migrate; each key replaces the file's own.",
  'guests[].onDiverged': 'what becomes of a guest whose migration does not converge.',
  'guests[].deadline':
    "by when it has to be gone, from the evacuation's start; absent: there is no hurry.",
  'guests[].target':
    'the host that it goes to; absent: the one with the fewest guests there or coming.',
  ...below('migration', MIGRATION_DESCRIPTIONS),
  migration: 'how all guests migrate, unless they say otherwise.',
  ...below('costs', COST_DESCRIPTIONS),
  verify: SCENARIO_DESCRIPTIONS['verify']!,
};

/** Returns the JSON schema (draft 7) of evacuations as they are written, for editors; every key has a description. */
export function evacuationJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(completeSchema(), { io: 'input', target: 'draft-7' });
  return {
    ...describeKeys(schema as JsonSchema, EVACUATION_DESCRIPTIONS),
    title: 'Pageferry evacuation',
  };
}
