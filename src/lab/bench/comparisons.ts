/**
 * The comparisons of QEMU's guestperf (tests/migration-stress/guestperf/comparison.py). Each scenario
 * is the base scenario with some keys set. guestperf's `compr-mt`, `compr-xbzrle` and `compr-multifd-compression`
 * are left out, because they need encodings that Pageferry does not have.
 */
export interface ComparisonScenario {
  /** `comparison/scenario`, as guestperf's files are named. */
  readonly name: string;
  readonly sets: readonly string[];
}

/**
 * guestperf's bandwidths and its names for them. Its fastest, 12500 MiB/s, is `unlimited` here: that
 * is more than one thread copies in memory.
 */
const BANDWIDTHS = [
  ['12MiB/s', '100mb'],
  ['37MiB/s', '300mb'],
  ['125MiB/s', '1gb'],
  ['1250MiB/s', '10gb'],
  ['unlimited', '100gb'],
] as const;

const qemu = ['migration.policy=qemu', 'migration.downtimeLimit=500ms'];
const unlimited = 'link.bandwidth=unlimited';

export const COMPARISONS: readonly ComparisonScenario[] = [
  // The guest is paused after this many iterations; with 0 the migration is a stop-and-copy.
  ...[0, 1, 5, 20].map((iterations) => ({
    name: `pause-iters/pause-iters-${iterations}`,
    sets: [
      unlimited,
      ...(iterations === 0
        ? ['migration.algorithm=stop-and-copy']
        : ['migration.policy=rounds', `migration.rounds=${iterations}`]),
    ],
  })),
  ...BANDWIDTHS.map(([rate, label]) => ({
    name: `post-copy-bandwidth/post-copy-bw-${label}`,
    sets: [`link.bandwidth=${rate}`, 'migration.algorithm=hybrid', 'migration.postcopyAfter=5'],
  })),
  ...[0, 1, 5, 20].map((iterations) => ({
    name: `post-copy-iters/post-copy-iters-${iterations}`,
    sets: [unlimited, 'migration.algorithm=hybrid', `migration.postcopyAfter=${iterations}`],
  })),
  ...[5, 10, 20].map((step) => ({
    name: `auto-converge-iters/auto-converge-step-${step}`,
    sets: [unlimited, ...qemu, ...autoConverge(step)],
  })),
  ...BANDWIDTHS.map(([rate, label]) => ({
    name: `auto-converge-bandwidth/auto-converge-bw-${label}`,
    sets: [`link.bandwidth=${rate}`, ...qemu, ...autoConverge(10)],
  })),
  ...[4, 8, 32, 64].map((channels) => ({
    name: `compr-multifd/compr-multifd-channels-${channels}`,
    sets: [unlimited, ...qemu, `migration.channels=${channels}`],
  })),
  ...[500, 800, 1000].map((ms) => ({
    name: `dirty-limit-period/dirty-limit-period-${ms}`,
    sets: [unlimited, ...qemu, ...dirtyLimit(ms, 1)],
  })),
  ...[10, 20, 50].map((mb) => ({
    name: `dirty-limit/dirty-limit-${mb}MB`,
    sets: [unlimited, ...qemu, ...dirtyLimit(500, mb)],
  })),
];

function autoConverge(increment: number): string[] {
  return ['migration.autoConverge=true', `migration.throttle.increment=${increment / 100}`];
}

function dirtyLimit(periodMs: number, megabytes: number): string[] {
  return [
    'guest.dirtyLog=ring',
    `migration.dirtyLimit=${megabytes}MB/s`,
    `migration.dirtyLimitPeriod=${periodMs}ms`,
  ];
}

/** Returns the comparisons whose names match a pattern with `*` and `?`, as guestperf-batch's --filter does. */
export function comparisonsLike(pattern: string): readonly ComparisonScenario[] {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&');
  const source = escaped.replaceAll('*', '.*').replaceAll('?', '.');
  const match = new RegExp(`^${source}$`);
  return COMPARISONS.filter(({ name }) => match.test(name));
}
