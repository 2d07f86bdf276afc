import type { Happening, HappeningWorld } from '../../runtime/virtual/options.ts';
import { runVirtual } from '../../runtime/virtual/run.ts';
import type { RunConfig } from '../../runtime/config.ts';
import type { RunReport } from '../../runtime/report.ts';
import { findProblems, type Sides } from './check.ts';
import { withChannels } from './channels.ts';
import { withDevices } from './devices.ts';
import { draw, type DrawnRun } from './draw.ts';
import { withHints } from './hints.ts';
import { withParts } from './parts.ts';
import { withEncodings } from './encodings.ts';
import { withXbzrle } from './xbzrle.ts';

/** A run of a few hundred pages that takes more events than this never ends. */
const MOST_EVENTS = 3e6;

/** What became of one seed. */
export interface FuzzResult {
  readonly seed: number;
  readonly outcome: string;
  /** The kind of its trouble. */
  readonly trouble: string;
  readonly wrongs: readonly string[];
  /** How often a post-copy was paused and then recovered. */
  readonly recoveries: number;
  /** How many of the seed's streams ended in which way, if it has played streams of a hostile source. */
  readonly ends?: Readonly<Record<string, number>>;
}

/** Is called with the report of every run that ends with one. */
export type OnReport = (report: RunReport) => void;

/** Returns a run that is to be played in the place of the one that a seed has drawn. */
export type ChangeRun = (seed: number, drawn: DrawnRun) => DrawnRun;

/** Plays a seed whose guest has devices. */
export const fuzzDevices = (seed: number): Promise<FuzzResult> =>
  fuzz(seed, undefined, withDevices);

/** Plays a seed whose guest hints its free pages. */
export const fuzzHints = (seed: number): Promise<FuzzResult> => fuzz(seed, undefined, withHints);

/** Plays a seed whose pages travel in parts. */
export const fuzzParts = (seed: number): Promise<FuzzResult> => fuzz(seed, undefined, withParts);

/** Plays a seed whose pages are sent as what has changed of them. */
export const fuzzXbzrle = (seed: number): Promise<FuzzResult> => fuzz(seed, undefined, withXbzrle);

/** Plays a seed whose pages are sent in random encodings. */
export const fuzzEncodings = (seed: number): Promise<FuzzResult> =>
  fuzz(seed, undefined, withEncodings);

/** Plays a seed whose pages travel over several channels. */
export const fuzzChannels = (seed: number): Promise<FuzzResult> =>
  fuzz(seed, undefined, withChannels);

const label = (phase: string, list: readonly string[]): string[] =>
  list.map((wrong) => `${phase}: ${wrong}`);

/**
 * Plays one seed twice. With its trouble it must be safe: no byte of the guest is lost, whatever
 * becomes of the migration. Without trouble it must be live: the same run ends well. `change` may change
 * what has been drawn.
 */
export async function fuzz(
  seed: number,
  onReport?: OnReport,
  change: ChangeRun = (_, drawn) => drawn,
): Promise<FuzzResult> {
  const drawn = change(seed, draw(seed));
  const safe = await play(drawn, onReport);
  const calm: DrawnRun = { ...drawn, trouble: { kind: 'none' } };
  const live = drawn.trouble.kind === 'none' ? safe : await play(calm, onReport);
  return {
    seed,
    outcome: safe.outcome,
    trouble: drawn.trouble.kind,
    recoveries: safe.recoveries,
    wrongs:
      live === safe
        ? label('safety', safe.wrongs)
        : [...label('safety', safe.wrongs), ...label('liveness', live.wrongs)],
  };
}

/** Puts the outages into the configuration, where a scenario has them as well. */
function configOf({ config, trouble }: DrawnRun): RunConfig {
  if (trouble.kind !== 'outage') return config;
  const { list: outages, recoverWithinNs } = trouble;
  return {
    ...config,
    link: { ...config.link, outages },
    migration: {
      ...config.migration,
      ...(recoverWithinNs === undefined ? {} : { recoverWithinNs }),
    },
  };
}

type PlayResult = Pick<FuzzResult, 'outcome' | 'wrongs' | 'recoveries'>;

/** Runs a drawn scenario once and checks its end. */
async function play(drawn: DrawnRun, onReport?: OnReport): Promise<PlayResult> {
  const { trouble } = drawn;
  const config = configOf(drawn);
  let sides: Sides = { source: false, destination: false };
  let report: RunReport;
  try {
    report = await runVirtual(config, {
      mostEvents: MOST_EVENTS,
      onEnd: (end) => (sides = end),
      happenings: (world) => [
        ...happeningsOf(trouble, config.migration.startAfterNs, world),
        ...channelStallsOf(drawn, world),
      ],
    });
  } catch (error) {
    return { outcome: 'threw', recoveries: 0, wrongs: [(error as Error).stack ?? String(error)] };
  }
  onReport?.(report);
  const { outcome, guestLost, postcopy } = report.source;
  const pauses = postcopy?.pauses ?? [];
  return {
    outcome: guestLost ? 'lost' : outcome,
    recoveries: pauses.filter(({ connectedNs }) => connectedNs !== undefined).length,
    wrongs: findProblems(drawn, report, sides),
  };
}

function channelStallsOf(
  { config, channelStalls = [] }: DrawnRun,
  world: HappeningWorld,
): Happening[] {
  const startNs = config.migration.startAfterNs;
  return channelStalls.map(({ channel, afterNs, forNs }) => {
    const atNs = startNs + afterNs;
    return { atNs, act: () => world.stallChannel(channel, atNs + forNs) };
  });
}

/** Returns what has to happen at which time of the run, so that it meets its trouble. */
function happeningsOf(
  trouble: DrawnRun['trouble'],
  startNs: number,
  world: HappeningWorld,
): Happening[] {
  const stall = (afterNs: number, forNs: number): Happening => {
    const atNs = startNs + afterNs;
    return { atNs, act: () => world.stallLink(atNs + forNs) };
  };
  const death = (afterNs: number): Happening => ({
    atNs: startNs + afterNs,
    act: () => world.killDestination(),
  });
  switch (trouble.kind) {
    case 'none':
      return [];
    case 'outage':
      return trouble.deathNs === undefined ? [] : [death(trouble.deathNs)];
    case 'delays':
      return trouble.list.map(({ afterNs, forNs }) => stall(afterNs, forNs));
    case 'cut':
      return [{ atNs: startNs + trouble.afterNs, act: () => world.cutLink() }];
    case 'death':
      return [death(trouble.afterNs)];
    default:
      return [stall(trouble.afterNs, trouble.forNs)];
  }
}
