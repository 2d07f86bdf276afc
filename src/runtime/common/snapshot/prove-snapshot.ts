import type { Clock } from '../../../clock/clock.ts';
import type { FullPlan } from '../../../guest/stream-plan.ts';
import { loadVcpus, stateMismatch, type VcpuState } from '../../../guest/vcpu-state.ts';
import type { planMemory } from '../../../guest/memory-plan.ts';
import { SnapshotError } from '../../../snapshot/file-port.ts';
import { SnapshotChain } from '../../../snapshot/reader.ts';
import type { RunConfig } from '../../config.ts';
import type { Proof } from '../../report.ts';
import { giveBackGuestSide, openGuestSide, type SharedGuestSide } from '../guest-side.ts';
import { GivenUpError } from '../pieces.ts';
import { prove } from '../proof.ts';
import { createPlace } from '../stage.ts';
import type { WorkRunner } from '../work.ts';
import { readSnapshot } from './read-snapshot.ts';

/** What the proofs of saves and restores work with. */
export interface SnapshotProofParts {
  readonly config: RunConfig;
  readonly plan: FullPlan;
  readonly geometries: ReturnType<typeof planMemory>['geometries'];
  readonly runner: WorkRunner;
  readonly clock?: Clock | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Proves a snapshot: it is read again, and must be what the guest was when its vCPUs' state was saved. `frozen` is
 * the guest's memory if it still stands as it was then, with the state that was saved; otherwise, and with `verify: full`,
 * the streams are replayed from the initial contents up to the counters in the file. Returns undefined when `verify` is
 * `off` or the proof is given up. Throws SnapshotError when the file can't be read.
 */
export async function proveFile(
  parts: SnapshotProofParts,
  path: string,
  frozen?: { readonly side: SharedGuestSide; readonly state: readonly VcpuState[] | undefined },
): Promise<Proof | undefined> {
  const { config, plan, geometries } = parts;
  if (config.verify === 'off') return undefined;
  const isFrozen = frozen !== undefined && config.verify === 'replay';
  const found = createPlace(config.guest, plan, geometries(1));
  const canvas = frozen ? frozen.side : createPlace(config.guest, plan, geometries(0));
  try {
    return await unlessGivenUp(async () => {
      const chain = new SnapshotChain(path);
      try {
        await readSnapshot(parts.runner, chain, found, { signal: parts.signal });
        loadState(chain, found, plan);
      } finally {
        chain.close();
      }
      return prove({
        ...proofParts(parts),
        final: found,
        canvas,
        isFrozenSource: isFrozen,
        ...(isFrozen ? { sentState: frozen.state, receivedState: chain.top.state.vcpus } : {}),
      });
    });
  } finally {
    giveBackGuestSide(found);
    if (!frozen) giveBackGuestSide(canvas);
  }
}

/** Proves a guest that stands still, by a replay from its initial contents over all of its lives. */
export async function proveGuest(
  parts: SnapshotProofParts,
  side: SharedGuestSide,
): Promise<Proof | undefined> {
  const { config, plan, geometries } = parts;
  if (config.verify === 'off') return undefined;
  const canvas = createPlace(config.guest, plan, geometries(1));
  try {
    return await unlessGivenUp(() =>
      prove({ ...proofParts(parts), final: side, canvas, isFrozenSource: false }),
    );
  } finally {
    giveBackGuestSide(canvas);
  }
}

const proofParts = ({ config, plan, runner, clock, signal }: SnapshotProofParts) => ({
  config,
  plan,
  pool: runner,
  signal,
  ...(clock ? { clock } : {}),
});

async function unlessGivenUp(act: () => Promise<Proof>): Promise<Proof | undefined> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof GivenUpError) return undefined;
    throw error;
  }
}

/** Loads the vCPUs' state of a snapshot into a guest whose vCPUs are parked. Throws SnapshotError if it is another guest's. */
export function loadState(
  { top }: SnapshotChain,
  shared: SharedGuestSide,
  plan: FullPlan,
  change: (state: VcpuState) => VcpuState = (state) => state,
): void {
  checkState(top, plan, shared);
  const { memory, area } = openGuestSide(shared);
  loadVcpus(memory, area, plan, top.state.vcpus.map(change));
}

/** Throws SnapshotError when the state of a snapshot does not fit the guest that its scenario describes. */
export function checkState(
  { path, state }: SnapshotChain['top'],
  plan: FullPlan,
  { slots }: Pick<SharedGuestSide, 'slots'>,
): void {
  const fail = (why: string): never => {
    throw new SnapshotError(`${path} does not fit its own scenario: ${why}`);
  };
  const pages = slots.map(({ geometry }) => geometry.pages);
  if (JSON.stringify(pages) !== JSON.stringify(state.memslots)) {
    fail('its memory is cut into other memslots');
  }
  let mismatch: string | undefined;
  try {
    mismatch = stateMismatch(state.vcpus, plan);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    mismatch = 'its vCPUs have no complete state';
  }
  if (mismatch !== undefined) fail(mismatch);
}
