import type { ProtectConfig } from '../../../runtime/virtual/replication/config.ts';
import { VirtualProtection } from '../../../runtime/virtual/replication/protection.ts';
import type { ProtectReport } from '../../../runtime/virtual/replication/report.ts';
import type { FuzzResult } from '../fuzz.ts';
import { drawProtection } from './draw.ts';

/** A protection of some hundreds of milliseconds that takes more events than this never ends. */
const MOST_EVENTS = 1e6;

/**
 * Plays a seed: a guest that is protected while hosts and connections die. No byte of it and no packet that has left may
 * be lost, and with a fence no two hosts may run it.
 */
export async function fuzzProtection(
  seed: number,
  onReport?: (report: ProtectReport) => void,
): Promise<FuzzResult> {
  const config = drawProtection(seed);
  const trouble = [...new Set(config.troubles.map(({ what }) => what))].toSorted().join(' + ');
  const facts = { seed, trouble: trouble || 'none', recoveries: 0 };
  try {
    const report = await new VirtualProtection(config, { mostEvents: MOST_EVENTS }).run();
    onReport?.(report);
    return { ...facts, outcome: outcomeOf(report), wrongs: protectionProblems(config, report) };
  } catch (error) {
    return { ...facts, outcome: 'threw', wrongs: [(error as Error).stack ?? String(error)] };
  }
}

const outcomeOf = ({ outcome, takeovers }: ProtectReport): string =>
  takeovers.length > 0 ? `${outcome} after ${takeovers.length} takeovers` : outcome;

/** Returns a sentence for each thing that is wrong with a protection that has ended; none if all is well. */
export function protectionProblems(config: ProtectConfig, report: ProtectReport): string[] {
  const { outcome, proofs, takeovers, packets, pairs } = report;
  const { fence } = config.replication;
  const found = [...report.problems];
  const expect = (isTrue: boolean, what: string): void => {
    if (!isTrue) found.push(what);
  };
  const had = (...kinds: string[]): boolean =>
    config.troubles.some(({ what }) => kinds.includes(what));
  expect(outcome !== 'failed', `it failed: ${report.error}`);
  expect(outcome !== 'split' || (!fence && had('link')), 'two hosts ran the guest without a cause');
  expect(outcome !== 'stale' || (!fence && had('link')), 'the guest went back without a cause');
  expect(
    outcome !== 'lost' || had('primary', 'backup', 'primary-fence'),
    'no host runs the guest, and nothing has died',
  );
  expect(proofs !== undefined, 'the guest was not proved');
  for (const { host, of, epoch, proof, differingBlocks = 0 } of proofs ?? []) {
    const what = `${of} at host ${host}${epoch === undefined ? '' : ` of epoch ${epoch}`}`;
    expect(proof.ok, `${what}: ${proof.differingPages} pages differ; ${proof.problems.join()}`);
    expect(differingBlocks === 0, `${what}: ${differingBlocks} blocks of the disk differ`);
  }
  for (const { from, diedNs } of takeovers) {
    const why = `host ${from} was taken over from, and nothing was wrong with it`;
    expect(diedNs !== undefined || had('link', 'primary-fence'), why);
  }
  expect(takeovers.length > 0 || packets.lost === 0, `${packets.lost} packets were lost`);
  const isCalm = config.troubles.length === 0;
  expect(!isCalm || pairs.every(({ end }) => end === undefined), 'a protection ended by itself');
  const isDue = isCalm && config.durationNs > firstEpochNs(config);
  expect(!isDue || pairs.some(({ epochs }) => epochs.length > 0), 'there was no epoch');
  return found;
}

/** Returns by when the first epoch is whole at the latest, with all memory sent as often as rounds allow. */
function firstEpochNs({ run: { guest, link, migration } }: ProtectConfig): number {
  const passNs = (guest.memoryBytes / link.bytesPerSecond) * 1e9;
  return migration.startAfterNs + (migration.rounds + 2) * passNs + 60e6;
}
