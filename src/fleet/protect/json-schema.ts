import { z } from 'zod';
import {
  below,
  COST_DESCRIPTIONS,
  type Descriptions,
  describeKeys,
  type JsonSchema,
  SCENARIO_DESCRIPTIONS,
} from '../../scenario/descriptions.ts';
import { completeProtectSchema } from './schema.ts';

const EMISSION: Descriptions = {
  '.workload': 'the workload whose streams do so, counted from 0.',
  '.every': 'every so-many-th access of each of its streams.',
};

/** Those of the scenario's own keys. */
const OF_SCENARIO = Object.fromEntries(
  Object.entries(SCENARIO_DESCRIPTIONS).filter(([key]) => /^(guest|link|migration)\b/.test(key)),
);

export const PROTECT_DESCRIPTIONS: Descriptions = {
  name: 'what the guest is called in results.',
  seed: 'the seed of the guest.',
  runtime: 'virtual: a deterministic clock; threads: real time, each host a group of threads.',
  duration: 'how long all of it lasts, from the start of the guest on.',
  ...OF_SCENARIO,
  ...below('costs', COST_DESCRIPTIONS),
  replication: 'how the guest is protected.',
  'replication.mode':
    'remus: checkpoints of one running guest; colo: both hosts run it, and what they send is compared.',
  'replication.interval':
    'from one checkpoint to the next; fastest: as soon as the last one has been acknowledged. With colo, at the latest; 20s if absent.',
  'replication.buffer':
    'staging: dirty pages are copied in the pause; copy-on-write: each before its first write; none: they are sent in the pause.',
  'replication.bufferPages': 'how many saved pages the buffer of copy-on-write holds.',
  'replication.compression':
    "raw, xor (differences), gzip, hybrid (the Remus paper's), xen (Xen's code).",
  'replication.cachePages': 'how many sent pages are kept to compare new ones with.',
  'replication.netBuffer': 'whether output is held until its epoch has been acknowledged.',
  'replication.diskBuffer': 'whether writes to the disk are mirrored at the backup.',
  'replication.heartbeat': 'how the hosts notice that the other one is dead.',
  'replication.heartbeat.interval': 'how often each says that it is alive.',
  'replication.heartbeat.timeout': 'after how long a silence the other one is taken for dead.',
  'replication.fence': 'a lease on a third party, without which no host may run the guest.',
  'replication.fence.lease': 'how long the lease lasts.',
  'replication.fence.latency': 'one way to the third party.',
  'replication.killAt': 'when the primary dies, or a list of what fails when.',
  'replication.killAt[].at': 'when, from the start of the guest on.',
  'replication.killAt[].what':
    'primary, backup, the link between them, or the way of one of them to the third party.',
  'replication.spares': 'how many more hosts there are, which protect the guest anew.',
  'replication.costs': 'how long the work of replication takes; for a page: of 4 KiB.',
  'replication.costs.checkpoint': 'how much longer each pause takes, whatever is dirty.',
  'replication.costs.xenstore':
    'how much longer each pause takes without the optimisation eventChannel.',
  'replication.costs.filter':
    'looking at a page of the guest in each pause, without the optimisation filterClean.',
  'replication.costs.map':
    'mapping a page before it is copied or sent, without the optimisation mapOnce.',
  'replication.costs.staging': 'copying a page to the staging buffer, in the pause.',
  'replication.costs.protect': 'protecting a page, in the pause (copy-on-write).',
  'replication.costs.copy': 'the fault and the copy of the first write to a protected page.',
  'replication.costs.send': 'sending a page, besides its compression.',
  'replication.costs.xor': 'comparing a page with its old copy.',
  'replication.costs.deflate': 'deflating a page.',
  'replication.costs.contention': "the share of the sender's work that the vCPUs lose.",
  'replication.costs.apply': 'applying a page at the backup.',
  'replication.costs.activate': 'making ready to run the guest at the backup.',
  'replication.optimisations': 'what the Remus paper does to make checkpoints short.',
  'replication.optimisations.eventChannel':
    'whether the guest is stopped through an event channel, not through XenStore.',
  'replication.optimisations.filterClean':
    'whether clean pages are passed over quickly, not looked at one by one.',
  'replication.optimisations.mapOnce':
    "whether the guest's memory stays mapped, not mapped page by page at each checkpoint.",
  'replication.deadline': 'deadline scheduling: what bounds the dirty pages of an epoch.',
  'replication.deadline.dirtyPages': 'the high-water mark: so many pages, dirtied in one epoch.',
  'replication.deadline.action':
    'at the mark: pause stops the guest for its checkpoint at once; slow takes time from its vCPUs.',
  'replication.deadline.throttle':
    'the share of their time that slow takes from the vCPUs, 0.8 by default.',
  'replication.colo': 'how the two guests of mode colo run and are compared.',
  'replication.colo.silence':
    'after how long a packet that only one guest has sent forces a checkpoint.',
  'replication.colo.divergence':
    'the probability, for each access of a stream at the backup, that the stream goes its own way after it.',
  'replication.colo.secondarySpeed':
    "the share of the time in which the backup's vCPUs run, as if its host were slower.",
  'replication.colo.seed': 'the seed of the divergences; if absent, that of the guest.',
  outputs: 'the packets that the guest sends.',
  ...below('outputs[]', EMISSION),
  'outputs[].bytes': 'the size of each packet.',
  disk: "the guest's disk, all zero at first.",
  'disk.size': 'its size, whole blocks.',
  'disk.blockSize': 'what a write writes.',
  'disk.bandwidth': "how fast the backup's disk takes what its buffer holds.",
  'disk.writes': 'the writes of the guest.',
  ...below('disk.writes[]', EMISSION),
  verify: 'the proof: full, from the initial contents, or off.',
};

/** Returns the JSON schema (draft 7) of protected guests as they are written; every key has a description. */
export function protectJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(completeProtectSchema(), { io: 'input', target: 'draft-7' });
  return {
    ...describeKeys(schema as JsonSchema, PROTECT_DESCRIPTIONS),
    title: 'Pageferry protected guest',
  };
}
