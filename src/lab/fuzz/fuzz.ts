import type { Happening } from '../../runtime/virtual/options.ts';
import { runVirtual } from '../../runtime/virtual/run.ts';
import type { RunConfig } from '../../runtime/config.ts';
import type { RunReport } from '../../runtime/report.ts';
import { type Sides, wrongs } from './check.ts';
import { draw, type Drawn } from './draw.ts';

/** A run of a few hundred pages that takes more events than that goes round in circles. */
const MOST_EVENTS = 3e6;

export interface FuzzResult {
  readonly seed: number;
  readonly outcome: string;
  readonly trouble: Drawn['trouble']['kind'];
  readonly wrongs: readonly string[];
  /** How often a post-copy was paused, and went on. */
  readonly recoveries: number;
}

const label = (phase: string, list: readonly string[]): string[] =>
  list.map((wrong) => `${phase}: ${wrong}`);

/**
 * One seed, twice. Safety: with its trouble, nothing is lost, whatever becomes of the migration.
 * Liveness: without, the same run ends well.
 */
export async function fuzz(seed: number): Promise<FuzzResult> {
  const drawn = draw(seed);
  const safe = await play(drawn);
  const calm: Drawn = { ...drawn, trouble: { kind: 'none' } };
  const live = drawn.trouble.kind === 'none' ? safe : await play(calm);
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

/** Outages are a part of the configuration, as for anybody. */
function configOf({ config, trouble }: Drawn): RunConfig {
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

type Played = Pick<FuzzResult, 'outcome' | 'wrongs' | 'recoveries'>;

async function play(drawn: Drawn): Promise<Played> {
  const { trouble } = drawn;
  const config = configOf(drawn);
  let sides: Sides = { source: false, destination: false };
  let report: RunReport;
  try {
    report = await runVirtual(config, {
      mostEvents: MOST_EVENTS,
      onEnd: (end) => (sides = end),
      happenings: (world): Happening[] => {
        if (trouble.kind === 'none' || trouble.kind === 'outage') return [];
        const { startAfterNs } = config.migration;
        if (trouble.kind === 'delays') {
          return trouble.list.map(({ afterNs, forNs }) => {
            const fromNs = startAfterNs + afterNs;
            return { atNs: fromNs, act: () => world.stallLink(fromNs + forNs) };
          });
        }
        const atNs = startAfterNs + trouble.afterNs;
        if (trouble.kind === 'cut') return [{ atNs, act: () => world.cutLink() }];
        if (trouble.kind === 'death') return [{ atNs, act: () => world.killDestination() }];
        return [{ atNs, act: () => world.stallLink(atNs + trouble.forNs) }];
      },
    });
  } catch (error) {
    return { outcome: 'threw', recoveries: 0, wrongs: [(error as Error).stack ?? String(error)] };
  }
  const { outcome, guestLost } = report.source;
  const pauses = report.source.postcopy?.pauses ?? [];
  return {
    outcome: guestLost ? 'lost' : outcome,
    recoveries: pauses.filter(({ connectedNs }) => connectedNs !== undefined).length,
    wrongs: wrongs(drawn, report, sides),
  };
}
