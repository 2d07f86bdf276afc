import { Generator } from '../../../random/generator.ts';
import { parseDuration } from '../../../units/duration.ts';
import { parseSize } from '../../../units/size.ts';
import type { ApplicationSpec } from '../config.ts';
import { membersCalled } from '../names.ts';
import type { FleetFile } from '../schema.ts';
import { type Distribution, unit } from './distribution.ts';
import type { Load } from './load.ts';

type Written = FleetFile['applications'][number];
type WrittenDistribution = Written['tiers'][number]['response'];

/** This number keeps the draws of loads apart from all else that is drawn from the file's seed. */
const LOAD_SEEDS = 0x10ad;

/** Returns a distribution in numbers; `parse` reads its quantities. */
export function distributionOf(
  written: WrittenDistribution,
  parse: (quantity: string | number) => number,
): Distribution {
  if (typeof written !== 'object') return { kind: 'constant', mean: parse(written) };
  if (written.kind === 'uniform') {
    return { kind: 'uniform', low: parse(written.low), high: parse(written.high) };
  }
  return { ...written, mean: parse(written.mean) };
}

/** Returns the applications of a file; one with a count gives that many, each with its own part of the guests. */
export function readApplications(
  file: FleetFile,
  indices: ReadonlyMap<string, number>,
): ApplicationSpec[] {
  const random = new Generator(file.seed, LOAD_SEEDS);
  return file.applications.flatMap((written) => {
    const { name, count } = written;
    const members = written.tiers.map(({ guests }) =>
      membersCalled(file.guests, guests)!.map((one) => indices.get(one)!),
    );
    return Array.from({ length: count ?? 1 }, (_, i): ApplicationSpec => {
      const own = count === undefined ? name : `${name}-${i + 1}`;
      const parts = members.map((all) => {
        const each = all.length / (count ?? 1);
        return all.slice(i * each, (i + 1) * each);
      });
      return applicationOf(written, own, parts);
    });
  });

  function applicationOf(
    { tiers, load, spread, arrivals, queue, latency, sla }: Written,
    name: string,
    parts: readonly (readonly number[])[],
  ): ApplicationSpec {
    // Replicas with a spread have loads that differ by as much in either direction.
    const factor = spread === 0 ? 1 : 1 + spread * (2 * unit(random) - 1);
    return {
      name,
      tiers: tiers.map(({ service, response }, tier) => ({
        vms: parts[tier]!,
        service: distributionOf(service, parseDuration),
        response: distributionOf(response, parseSize),
      })),
      load: loadOf(load, factor, random),
      arrivals,
      queueLimit: queue,
      latencyNs: parseDuration(latency),
      ...(sla ? { sla: slaOf(sla) } : {}),
    };
  }
}

function loadOf(load: Written['load'], factor: number, random: Generator): Load {
  switch (load.kind) {
    case 'constant':
      return { kind: 'constant', perSecond: load.rate * factor };
    case 'trace':
      return {
        kind: 'trace',
        isRamp: load.ramp,
        points: load.points.map(({ at, rate }) => ({
          atNs: parseDuration(at),
          value: rate * factor,
        })),
      };
    case 'closed':
      return {
        kind: 'closed',
        users: Math.max(1, Math.round(load.users * factor)),
        thinkNs: parseDuration(load.think),
      };
    case 'diurnal': {
      const periodNs = parseDuration(load.period);
      const phaseNs = load.randomPhase ? unit(random) * periodNs : 0;
      return {
        kind: 'diurnal',
        low: load.low * factor,
        high: load.high * factor,
        periodNs,
        phaseNs,
      };
    }
    default: {
      const periodNs = parseDuration(load.period);
      return {
        kind: 'bursts',
        base: load.base * factor,
        peak: load.peak * factor,
        periodNs,
        lengthNs: parseDuration(load.length),
        phaseNs: load.randomPhase ? unit(random) * periodNs : 0,
      };
    }
  }
}

const slaOf = ({
  requests,
  p99,
  mean,
  costPerMinute,
}: NonNullable<Written['sla']>): NonNullable<ApplicationSpec['sla']> => ({
  ...(requests === undefined ? {} : { perSecond: requests }),
  ...(p99 === undefined ? {} : { p99Ns: parseDuration(p99) }),
  ...(mean === undefined ? {} : { meanNs: parseDuration(mean) }),
  costPerMinute,
});
