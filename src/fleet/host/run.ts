import { HostMemoryError } from '../../overcommit/admission.ts';
import type { OvercommittedMemory } from '../../overcommit/host.ts';
import type { WorkRunner } from '../../runtime/common/work.ts';
import type { OvercommittedGuest } from '../../runtime/virtual/overcommitted-guest.ts';
import { FIRST_HOST } from '../../runtime/virtual/overcommitted-moves.ts';
import { VirtualOvercommittedHost } from '../../runtime/virtual/overcommitted-host.ts';
import type { HostConfig } from './config.ts';
import type { GuestSample, GuestTotals, HostOptions, HostReport, HostSample } from './report.ts';

/**
 * Lets an overcommitted host live on a virtual clock, samples its memory, and proves its guests. A host that can't go on
 * is reported with the outcome `failed`. Throws ContentsError when an image can't be used.
 */
export async function runHost(
  config: HostConfig,
  options: HostOptions & { readonly runner?: WorkRunner } = {},
): Promise<HostReport> {
  const { signal, proofSignal, runner } = options;
  const hostOptions = {
    ...(runner ? { runner } : {}),
    ...(signal ? { signal } : {}),
    ...(proofSignal ? { proofSignal } : {}),
  };
  const { others, sharesSwap } = config;
  const host = new VirtualOvercommittedHost(config.host, hostOptions, others, sharesSwap);
  try {
    return await liveAndProve(host, config, options);
  } finally {
    host.release();
  }
}

async function liveAndProve(
  host: VirtualOvercommittedHost,
  config: HostConfig,
  { signal, onSample, onProof }: HostOptions,
): Promise<HostReport> {
  const states = new Map(
    [...host.hosts].map(([name, memory]) => [name, followStates(memory)] as const),
  );
  await host.settle(config.guests);
  const samples: HostSample[] = [];
  let error: string | undefined;
  try {
    for (const atNs of times(config)) {
      await host.live(atNs);
      if (signal?.aborted) {
        samples.push(sampleOf(host, config));
        break;
      }
      applyChanges(host, config, atNs);
      for (const { guest, to, balloon } of config.migrations.filter((one) => one.atNs === atNs)) {
        host.migrate(guest, to, balloon);
      }
      if (atNs % config.sampleNs === 0 || atNs === config.durationNs) {
        samples.push(sampleOf(host, config));
        onSample?.(samples.at(-1)!);
      }
    }
    await host.endMigrations();
  } catch (thrown) {
    // Any other error is one of the program, not of the host that it was given.
    if (!(thrown instanceof HostMemoryError)) throw thrown;
    error = thrown.message;
  }
  const { memory } = host;
  const totals = config.guests.map(({ name }) => totalsOf(guestOf(host, name)));
  onProof?.();
  // A host that fails in the middle of a migration leaves its guest in two places, of which neither is whole.
  const isTorn = host.guests.some(({ isMoving }) => isMoving);
  const proof = config.isProved && !isTorn ? await host.prove() : undefined;
  return {
    outcome: error !== undefined ? 'failed' : signal?.aborted ? 'cancelled' : 'completed',
    ...(error === undefined ? {} : { error }),
    endedNs: host.nowNs,
    samples,
    states: states.get(FIRST_HOST)!,
    sharing: memory.sharing?.counts,
    tableBytesPerFrame: memory.sharing?.table.bytesPerFrame,
    paging: memory.paging.counts,
    device: memory.swap.device,
    others: [...host.hosts].slice(1).map(([name, other]) => ({
      name,
      states: states.get(name)!,
      sharing: other.sharing?.counts,
      paging: other.paging.counts,
    })),
    migrations: host.migrations,
    totals,
    proof,
  };
}

type States = { atNs: number; state: HostSample['state'] }[];

/** Returns a list to which every change of a host's state is added. */
function followStates(memory: OvercommittedMemory): States {
  const states: States = [];
  memory.onState = (state, atNs) => void states.push({ atNs, state });
  return states;
}

/** Returns the times at which something is to be done: the samples' and those of the changes, in order. */
function times({ durationNs, sampleNs, changes, migrations }: HostConfig): number[] {
  const all = new Set([durationNs]);
  for (let atNs = 0; atNs < durationNs; atNs += sampleNs) all.add(atNs);
  for (const { atNs } of [...changes, ...migrations]) if (atNs <= durationNs) all.add(atNs);
  return [...all].toSorted((a, b) => a - b);
}

function applyChanges(host: VirtualOvercommittedHost, config: HostConfig, atNs: number): void {
  for (const change of config.changes) {
    if (change.atNs !== atNs) continue;
    if (change.idleTax !== undefined) host.memory.setIdleTax(change.idleTax);
    if (change.guest === undefined) continue;
    const one = guestOf(host, change.guest);
    if (one) one.memory.setShares(one.resident, change.shares!);
  }
}

const guestOf = (host: VirtualOvercommittedHost, name: string): OvercommittedGuest | undefined =>
  host.guests.find(({ spec }) => spec.name === name);

function sampleOf(host: VirtualOvercommittedHost, config: HostConfig): HostSample {
  const { memory } = host;
  return {
    atNs: host.nowNs,
    freePages: memory.machine.freePages,
    savedPages: memory.sharing?.savedPages ?? 0,
    zeroPages: memory.sharing?.zeroSharers ?? 0,
    state: memory.state,
    others: [...host.hosts.values()].slice(1).map((other) => ({
      freePages: other.machine.freePages,
      savedPages: other.sharing?.savedPages ?? 0,
      state: other.state,
    })),
    guests: config.guests.map(({ name }) => guestSample(guestOf(host, name))),
  };
}

function guestSample(one: OvercommittedGuest | undefined): GuestSample | undefined {
  if (!one?.isRunning) return undefined;
  const { pages, sampler, balloon, targetPages } = one.resident;
  return {
    allocated: pages.allocated,
    target: targetPages,
    active: Math.round(sampler.fraction * pages.memory.pages),
    ballooned: balloon?.pages ?? 0,
    shared: pages.shared,
    swapped: pages.swapped,
    accesses: one.guest.place.crew.accesses(),
  };
}

function totalsOf(one: OvercommittedGuest | undefined): GuestTotals | undefined {
  if (!one) return undefined;
  const counts = one.guest.place.crew.managers.map(({ disk }) => disk?.counts);
  const sum = (key: 'in' | 'out' | 'doublePaged'): number =>
    counts.reduce((total, count) => total + (count?.[key] ?? 0), 0);
  const accesses = one.guest.place.crew.accesses();
  return {
    accesses,
    pagedOut: sum('out'),
    pagedIn: sum('in'),
    doublePaged: sum('doublePaged'),
    popped: one.resident.popped,
  };
}
