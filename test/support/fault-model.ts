import { handshakeWords } from '../../src/memory/handshake/words.ts';
import { PAGE_ABSENT } from '../../src/memory/kernels/abi.ts';
import { faultSteps } from '../../src/memory/presence/steps.ts';

/**
 * Enumerates every interleaving of an installer, to which a page comes twice, with vCPUs that fault on
 * the page once or find it present, and then read and write it. The atomic steps are the program's own.
 * The page's bytes are plain stores, which stay in the installer's buffer at most until its next atomic.
 */
export interface FaultModelOptions {
  readonly vcpus: number;
  readonly bug?: FaultBug;
}

export type FaultBug =
  | 'page published before its bytes'
  | 'wanted looked at before the page is published'
  | 'presence looked at before the page is wanted'
  | 'installed without a claim';

interface Vcpu {
  at: 'want' | 'look' | 'wait' | 'asleep' | 'touch' | 'done';
  hasLooked: boolean;
}

interface World {
  words: number[];
  presence: number;
  /** The page's contents: 0 none, 1 what was sent, 2 what a vCPU has written. */
  page: number;
  /** A store of the installer that has not reached memory; 0 when there is none. */
  pending: number;
  vcpus: Vcpu[];
  installer: { copy: number; step: number; writer: number };
}

const GFN = 7;
const COPIES = 2;
const STEPS = ['claim', 'bytes', 'publish', 'wanted'] as const;

type Step = (typeof STEPS)[number];

function installerSteps(bug: FaultBug | undefined): readonly Step[] {
  if (bug === 'page published before its bytes') return ['claim', 'publish', 'bytes', 'wanted'];
  if (bug === 'wanted looked at before the page is published') {
    return ['claim', 'bytes', 'wanted', 'publish'];
  }
  return STEPS;
}

/** Explores all states. Returns how many there are, and the first violation, if there is one. */
export function exploreFaults(options: FaultModelOptions): { states: number; violation?: string } {
  const seen = new Set<string>();
  const stack: World[] = [start(options)];
  for (let world = stack.pop(); world; world = stack.pop()) {
    const key = JSON.stringify(world);
    if (seen.has(key)) continue;
    seen.add(key);
    const next = successors(world, options);
    const broken = next.find((one) => typeof one === 'string');
    if (broken !== undefined) return { states: seen.size, violation: broken };
    if (next.length === 0) {
      const stuck = world.vcpus.findIndex(({ at }) => at !== 'done');
      if (stuck >= 0) return { states: seen.size, violation: `vCPU ${stuck} sleeps for ever` };
      if (world.page !== 2) return { states: seen.size, violation: 'a write was lost' };
    }
    stack.push(...(next as World[]));
  }
  return { states: seen.size };
}

function start({ vcpus }: FaultModelOptions): World {
  return {
    words: Array.from({ length: handshakeWords(vcpus + 1) }, () => 0),
    presence: PAGE_ABSENT,
    page: 0,
    pending: 0,
    vcpus: Array.from({ length: vcpus }, () => ({ at: 'want', hasLooked: false })),
    installer: { copy: 0, step: 0, writer: 1 },
  };
}

function successors(world: World, options: FaultModelOptions): (World | string)[] {
  const list: (World | string)[] = [];
  if (world.pending !== 0) {
    list.push({ ...structuredClone(world), page: world.pending, pending: 0 });
  }
  for (let v = 0; v < options.vcpus; v++) {
    const next = vcpuStep(structuredClone(world), v, options.bug);
    if (next !== undefined) list.push(next);
  }
  const installed = installerStep(structuredClone(world), options);
  if (installed) list.push(installed);
  return list;
}

/** Runs an atomic step of the program on the world's words and presence. */
function atomically<Result>(
  world: World,
  act: (words: Int32Array, presence: Uint8Array) => Result,
): Result {
  const words = Int32Array.from(world.words);
  const presence = Uint8Array.of(world.presence);
  const result = act(words, presence);
  world.words = Array.from(words);
  world.presence = presence[0]!;
  return result;
}

function vcpuStep(world: World, v: number, bug: FaultBug | undefined): World | string | undefined {
  const vcpu = world.vcpus[v]!;
  const writer = v + 1;
  const isEarly = bug === 'presence looked at before the page is wanted';
  switch (vcpu.at) {
    case 'want':
      if (isEarly && !vcpu.hasLooked) {
        vcpu.hasLooked = true;
        const isThere = atomically(world, (_, presence) => faultSteps.isPresent(presence, 0));
        if (isThere) vcpu.at = 'touch';
        return world;
      }
      atomically(world, (words) => faultSteps.want(words, writer, GFN));
      vcpu.at = isEarly ? 'wait' : 'look';
      return world;
    case 'look':
      if (atomically(world, (_, presence) => faultSteps.isPresent(presence, 0))) {
        atomically(world, (words) => faultSteps.drop(words, writer));
        vcpu.at = 'touch';
      } else vcpu.at = 'wait';
      return world;
    case 'wait':
      // Atomics.wait compares the word and goes to sleep in one step.
      vcpu.at = atomically(world, (words) => faultSteps.isWanted(words, writer, GFN))
        ? 'asleep'
        : 'touch';
      return world;
    case 'touch':
      if (world.page === 0) return `vCPU ${v} touches a page whose bytes are not there`;
      world.page = 2;
      vcpu.at = 'done';
      return world;
    default:
      return undefined;
  }
}

function installerStep(world: World, { vcpus, bug }: FaultModelOptions): World | undefined {
  const { installer } = world;
  if (installer.copy === COPIES) return undefined;
  const steps = installerSteps(bug);
  const step = steps[installer.step]!;
  const nextStep = (): World => {
    installer.step++;
    installer.writer = 1;
    if (installer.step < steps.length) return world;
    installer.step = 0;
    installer.copy++;
    return world;
  };
  if (step === 'bytes') {
    world.pending = 1;
    return nextStep();
  }
  // Every other step is atomic and waits until the plain store has reached memory.
  if (world.pending !== 0) return undefined;
  if (step === 'claim') {
    const isClaimed = atomically(world, (_, presence) => faultSteps.claim(presence, 0));
    if (isClaimed || bug === 'installed without a claim') return nextStep();
    installer.copy++;
    installer.step = 0;
    return world;
  }
  if (step === 'publish') {
    atomically(world, (_, presence) => faultSteps.publish(presence, 0));
    return nextStep();
  }
  const { writer } = installer;
  if (atomically(world, (words) => faultSteps.grant(words, writer, GFN))) {
    const vcpu = world.vcpus[writer - 1]!;
    if (vcpu.at === 'asleep') vcpu.at = 'touch';
  }
  installer.writer++;
  return installer.writer > vcpus ? nextStep() : world;
}
