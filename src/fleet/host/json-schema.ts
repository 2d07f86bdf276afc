import { z } from 'zod';
import {
  below,
  COST_DESCRIPTIONS,
  type Descriptions,
  describeKeys,
  GUEST_DESCRIPTIONS,
  type JsonSchema,
  LINK_DESCRIPTIONS,
  MIGRATION_DESCRIPTIONS,
} from '../../scenario/descriptions.ts';
import { completeHostSchema } from './schema.ts';

export const HOST_DESCRIPTIONS: Descriptions = {
  name: 'what the host is called in results.',
  seed: "the seed from which each guest's own seed is drawn.",
  runtime: 'virtual: a deterministic clock.',
  duration: 'how long the host lives.',
  sample: 'the interval of the samples of its series.',
  host: 'the host and how it shares its memory out.',
  'host.memory': 'the machine memory for guests, with the overhead of each.',
  'host.overhead': 'what each guest needs besides its own memory.',
  'host.sharing': 'the scan for equal pages.',
  'host.sharing.isOn': 'whether equal pages are shared.',
  'host.sharing.preset': 'whose rates hold: esx2, esx4 or ksm.',
  'host.sharing.guestRate':
    'the most pages of a guest that are scanned a second; absent: as the preset says.',
  'host.sharing.rate':
    'the most pages of all guests that are scanned a second; absent: as the preset says.',
  'host.swap': 'the device to which the host pages.',
  'host.swap.isShared':
    'whether all hosts use this store, so that what is swapped out stays there when its guest migrates.',
  'host.swap.size':
    'what its store holds; absent: all memory of the guests that is not guaranteed.',
  'host.swap.bandwidth': 'how fast it reads and writes.',
  'host.swap.latency': 'how long a request takes besides the transfer of its bytes.',
  'host.idleTax': 'the rate of the tax on idle memory: 0 is none, and less than 1 the most.',
  'host.sampling': 'how the memory that a guest uses is estimated.',
  'host.sampling.pages': 'how many random pages are watched in a period.',
  'host.sampling.period': "the period, in the guest's own time.",
  'host.sampling.slowGain': 'the weight of a period in the slow average.',
  'host.sampling.fastGain': 'the weight of a period in the fast average.',
  'host.balance': 'how often targets are computed anew at least.',
  'host.thresholds': 'the shares of free memory at which the state changes.',
  'host.thresholds.high': 'above it the host reclaims nothing; targets aim at it.',
  'host.thresholds.soft': 'below it balloons inflate.',
  'host.thresholds.hard': 'below it the host pages.',
  'host.thresholds.low': 'below it guests above their targets stand still as well.',
  'host.thresholds.margin': 'how much more must be free to enter a better state.',
  others:
    'further hosts, to which guests may migrate; what they do not say is as the first host has it.',
  'others[].name': "its name; the first host is called 'host'.",
  'others[].memory': 'the machine memory for guests, with the overhead of each.',
  'others[].overhead': 'what each guest needs besides its own memory.',
  'others[].sharing': 'the scan for equal pages.',
  'others[].sharing.isOn': 'whether equal pages are shared.',
  'others[].sharing.preset': 'whose rates hold: esx2, esx4 or ksm.',
  'others[].sharing.guestRate': 'the most pages of a guest that are scanned a second.',
  'others[].sharing.rate': 'the most pages of all guests that are scanned a second.',
  'others[].swap': 'its own swap device; not with host.swap.isShared.',
  'others[].swap.size': 'what its store holds.',
  'others[].swap.bandwidth': 'how fast it reads and writes.',
  'others[].swap.latency': 'how long a request takes besides the transfer of its bytes.',
  'others[].idleTax': 'the rate of the tax on idle memory.',
  guests: 'the guests, in groups of equal ones.',
  'guests[].name': 'the name of the guest; the guests of a group are numbered.',
  'guests[].count': 'how many equal guests there are; absent: one.',
  ...below('guests[].guest', GUEST_DESCRIPTIONS),
  'guests[].host': "the host that it starts on; absent: the first one, 'host'.",
  ...below('guests[].migration', MIGRATION_DESCRIPTIONS),
  'guests[].migration': 'keys of its own migrations, over those of the file.',
  'guests[].min': 'the memory that it is guaranteed; absent: half of its memory.',
  'guests[].shares': 'its shares of the host; absent: as many as it has MiB.',
  'guests[].populate':
    'which pages have machine pages at first: contents that are not zero, or all, as if it zeroed them.',
  'guests[].zeroing':
    'how fast it zeroes all its memory when it boots, before its workloads begin; absent: it does not.',
  'guests[].balloon': "its balloon's driver, which needs a memoryManager.",
  'guests[].balloon.isOn': 'whether it has one.',
  'guests[].balloon.poll': 'how often it asks its host for a target.',
  'guests[].balloon.rate': 'how fast the balloon changes at most.',
  'guests[].balloon.most': "the share of the guest's memory that it takes at most.",
  'guests[].balloon.boot': "how long after the guest's start it begins to work.",
  'guests[].disk': 'how long a page takes that the guest reads from its own disk.',
  'guests[].start': 'when the guest starts.',
  'guests[].stop': 'when it stops; absent: at the end.',
  'guests[].resetAt':
    'when it resets: it boots anew and knows nothing of its balloon; it needs a memoryManager.',
  changes: 'changes of parameters while the host lives.',
  'changes[].at': 'when it comes into effect.',
  'changes[].idleTax': 'the rate of the tax from then on.',
  'changes[].guest': 'the guest that gets other shares.',
  'changes[].shares': 'its shares from then on.',
  ...below('link', LINK_DESCRIPTIONS),
  link: 'the link over which a guest migrates; each migration has one for itself.',
  ...below('migration', MIGRATION_DESCRIPTIONS),
  migration: 'how the guests migrate, with the keys of a scenario.',
  migrations: 'migrations of guests between the hosts.',
  'migrations[].at': 'when it is asked for.',
  'migrations[].guest': 'the guest that moves.',
  'migrations[].to': 'the host that it moves to.',
  'migrations[].balloon': 'inflates the balloon before, as far as it goes.',
  'migrations[].balloon.target':
    "the memory that the guest is left, as QEMU's command balloon says it.",
  'migrations[].balloon.within':
    'after so long the migration begins, however far the balloon has come.',
  ...below('costs', COST_DESCRIPTIONS),
  verify: 'the proof: full, from the initial contents, or off.',
};

/** Returns the JSON schema (draft 7) of overcommitted hosts as they are written; every key has a description. */
export function hostJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(completeHostSchema(), { io: 'input', target: 'draft-7' });
  return { ...describeKeys(schema as JsonSchema, HOST_DESCRIPTIONS), title: 'Pageferry host' };
}
