import { splitPages } from '../../memory/guest-memory.ts';
import { Generator } from '../../random/generator.ts';
import type { Outage, RunConfig } from '../../runtime/config.ts';
import type { RunReport } from '../../runtime/report.ts';
import type { HappeningWorld } from '../../runtime/virtual/options.ts';
import { runVirtual } from '../../runtime/virtual/run.ts';
import type { Sides } from './check.ts';
import { draw } from './draw.ts';
import type { FuzzResult } from './fuzz.ts';
import { MemoryGuard } from './memory-guard.ts';
import { StreamTamperer, type TamperKind, type TamperPlan } from './tamper.ts';
import { TamperedLink } from './tampered-link.ts';

/** These draws have generators of their own, so that they don't change what else a seed draws. */
const STREAM_DRAWS = 0x7374726d;
/** A run of a few hundred pages that takes more events than this never ends. */
const MOST_EVENTS = 1e6;

/** What became of a seed whose frames were tampered with. */
export interface StreamResult extends FuzzResult {
  /** What was done to frames of which type. */
  readonly done: readonly string[];
  /** How many frames of an earlier connection came again. */
  readonly replaysEarlier: number;
  /** Whether the migration completed, and had to keep every byte. */
  readonly isWhole: boolean;
}

/** A run and what is done to its frames, in one direction or both. */
export interface DrawnStream {
  readonly config: RunConfig;
  readonly plans: readonly TamperPlan[];
}

/** Draws a small random run with recoveries, and what is done to its frames: a function of the seed alone. */
export function drawStream(seed: number): DrawnStream {
  const random = new Generator(seed, STREAM_DRAWS);
  const one = <Value>(values: readonly Value[]): Value => values[random.below(values.length)]!;
  const drawn = draw(seed).config;
  const { guest, link, migration, costs } = drawn;
  const kind = one<TamperKind>(['damage', 'order', 'order', 'forge', 'forge', 'lie']);
  const algorithm =
    kind === 'lie'
      ? one(['postcopy', 'hybrid'] as const)
      : one(['postcopy', 'postcopy', 'postcopy', 'hybrid', 'hybrid', 'precopy'] as const);
  // A slow link is still busy with the guest's pages when its connection is lost.
  const bytesPerSecond = one([20e6, 40e6, Math.min(link.bytesPerSecond, 400e6)]);
  const passNs = (guest.memoryBytes / bytesPerSecond) * 1e9;
  // A post-copy has said HELLO, WELCOME and RUN by then, so that most connections are lost after RUN.
  const handshakeNs = costs.setupNs + 4 * link.latencyNs + costs.kickNs + 2 * costs.stateNs;
  const outages: Outage[] = [];
  let fromNs = handshakeNs + (random.below(4096) / 4096) * one([0.3, 0.7, 1.5]) * passNs;
  for (let left = one([0, 1, 1, 2, 4]); left > 0; left--) {
    outages.push({ afterNs: fromNs, forNs: one([1, 1e3, 1e6]) });
    fromNs += 1e6 + one([2, 4]) * link.latencyNs + random.below(4096) * (passNs / 16_384);
  }
  const end = kind === 'lie' ? 'near' : one(['near', 'far', 'far'] as const);
  const pages = guest.memoryBytes / guest.pageSize;
  const isRecovering = outages.length > 0 && random.below(5) > 0;
  const plan: TamperPlan = {
    kind,
    end,
    oneIn: isRecovering ? one([1, 2, 5]) : one([1, 3, 10, 30]),
    fromConnection: isRecovering ? 1 : 0,
    among: isRecovering
      ? one(['recovery', 'recovery', 'messages', 'pages', 'all'] as const)
      : one(['messages', 'pages', 'all'] as const),
    most: one([1, 1, 3, Infinity]),
    hasSums: link.integrity === 'full',
    pages,
    slots: splitPages(pages, guest.memslots).map((slot) => slot.pages),
  };
  const isBoth = kind !== 'lie' && random.below(4) === 0;
  const plans = isBoth
    ? [plan, { ...plan, end: end === 'near' ? 'far' : 'near' } as const]
    : [plan];
  // What a forged stream makes of the guest can't be proved.
  const verify = kind === 'forge' && plans.some((p) => p.end === 'far') ? 'off' : drawn.verify;
  const recoverWithinNs = isRecovering ? 1e9 : one([undefined, 1e9]);
  return {
    config: {
      ...drawn,
      guest: { ...guest, ...(random.below(5) === 0 ? { backing: 'versions' } : {}) },
      link: { ...link, bytesPerSecond, outages },
      migration: {
        ...migration,
        algorithm,
        timeoutNs: one([2e9, 5e9]),
        ...(recoverWithinNs === undefined ? {} : { recoverWithinNs }),
      },
      verify,
    },
    plans,
  };
}

/**
 * Plays one seed with frames that are dropped, changed, repeated, reordered, replayed and invented. The migration must
 * end, with one sentence if it fails; nothing may be written outside the guest's memory; a guest that stayed must be
 * whole; one that has moved must be whole unless the frames were forged; and a source that has been shown that its
 * guest has run elsewhere may not go on. `change` may change what has been drawn, but for the sizes of pages and guest.
 */
export async function fuzzStream(
  seed: number,
  change: (seed: number, config: RunConfig) => RunConfig = (_, config) => config,
): Promise<StreamResult> {
  const drawn = drawStream(seed);
  const { plans } = drawn;
  const config = change(seed, drawn.config);
  const random = new Generator(seed, STREAM_DRAWS, 1);
  const tamperers = plans.map((plan) => new StreamTamperer(plan, random));
  const links: TamperedLink[] = [];
  let guard: MemoryGuard | undefined;
  let sides: Sides = { source: false, destination: false };
  const outside: string[] = [];
  const found = {
    seed,
    trouble: plans
      .map(({ kind, end }) => `${kind} ${end}`)
      .toSorted()
      .join(', '),
    done: tamperers.flatMap(({ done }) => done),
    replaysEarlier: 0,
    recoveries: 0,
    isWhole: false,
  };
  let report: RunReport;
  try {
    report = await runVirtual(config, {
      mostEvents: MOST_EVENTS,
      onEnd: (end) => (sides = end),
      happenings: (world) => {
        guard = new MemoryGuard(memoriesOf(world));
        for (const tamperer of tamperers) {
          world.wrapLink(tamperer.plan.end, (inner) => {
            const link = new TamperedLink(inner, tamperer);
            links.push(link);
            return link;
          });
        }
        return [];
      },
      beforeProof: () => void outside.push(...guard!.problems()),
    });
  } catch (error) {
    return { ...found, outcome: 'threw', wrongs: [(error as Error).stack ?? String(error)] };
  } finally {
    for (const link of links) link.close();
  }
  const { outcome, guestLost, postcopy } = report.source;
  const keepsBytes = tamperers.every((tamperer) => tamperer.keepsBytes);
  return {
    ...found,
    done: tamperers.flatMap(({ done }) => done),
    replaysEarlier: tamperers.reduce((sum, tamperer) => sum + tamperer.replaysEarlier, 0),
    recoveries: (postcopy?.pauses ?? []).filter((pause) => pause.connectedNs !== undefined).length,
    isWhole: outcome === 'completed' && keepsBytes,
    outcome: guestLost ? 'lost' : outcome,
    wrongs: [
      ...outside,
      ...wrongsOf(report, sides, tamperers, links),
      ...unrecovered(config, report, tamperers),
    ],
  };
}

/** Returns whether a message is a sentence on one line. */
const isOneLine = (text: string | undefined): boolean => /^[^\n]{5,}$/.test(text ?? '');

const memoriesOf = ({ source, target }: HappeningWorld) => [source.side.memory, target.side.memory];

/** A post-copy whose frames nobody has touched recovers from every loss of its connection, as all of them are short. */
function unrecovered(
  { migration }: RunConfig,
  { source }: RunReport,
  tamperers: readonly StreamTamperer[],
): string[] {
  const isTouched = tamperers.some(({ done }) => done.length > 0);
  if (isTouched || !source.postcopy || migration.recoverWithinNs === undefined) return [];
  // If RUN itself was lost, the guest stays.
  return source.guestLost ? [`it did not recover: ${source.error}`] : [];
}

function wrongsOf(
  { source, destination, proof }: RunReport,
  sides: Sides,
  tamperers: readonly StreamTamperer[],
  links: readonly TamperedLink[],
): string[] {
  const found: string[] = [];
  const expect = (isTrue: boolean, what: string): void => {
    if (!isTrue) found.push(what);
  };
  const isMoved = source.outcome === 'completed';
  const isPastReturn = source.stop.handedNs !== undefined;
  const hasRun = links.some(({ hasSeenRun }) => hasSeenRun);
  const isTrue = tamperers.every(({ plan }) => plan.kind === 'damage' || plan.kind === 'order');
  expect(isMoved || isOneLine(source.error), `the source says why in one line: ${source.error}`);
  if (destination?.outcome === 'failed') {
    expect(isOneLine(destination.error), `so does the destination: ${destination.error}`);
  }
  expect(!source.guestLost || isPastReturn, `lost before RUN: ${source.error}`);
  expect(!source.guestLost || !sides.source, 'the guest is lost, but goes on at the source');
  if (!isMoved && !source.guestLost && isPastReturn && hasRun) {
    const isTold = tamperers.some(({ hasFailed }) => hasFailed);
    const isNear = tamperers.some(({ plan }) => plan.end === 'near');
    expect(isTold || !isNear, 'the source goes on after RUN, but nobody has said that it may');
    const isShown = tamperers.some(({ hasEvidence }) => hasEvidence);
    expect(!isShown, 'the source goes on, but it was shown that the guest has run elsewhere');
  }
  if (isTrue && !source.guestLost) {
    expect(sides.source !== sides.destination, 'the guest runs on both sides, or on none');
    expect(sides.destination === isMoved, 'the guest runs on the other side');
  }
  const mustBeWhole = isMoved
    ? tamperers.every(({ keepsBytes }) => keepsBytes)
    : !source.guestLost && !sides.destination;
  if (mustBeWhole && proof) {
    expect(proof.ok, `the guest is not whole: ${JSON.stringify(proof)}`);
  }
  return found;
}
