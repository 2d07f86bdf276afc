import { monotonicClock } from '../../src/clock/monotonic.ts';
import { Generator } from '../../src/random/generator.ts';
import { CAPTURES, COMPRESSIONS } from '../../src/replication/config.ts';
import {
  ThreadProtection,
  type ThreadProtectionOptions,
} from '../../src/runtime/threads/replication/protection.ts';
import type { ProtectConfig, Trouble } from '../../src/runtime/virtual/replication/config.ts';
import type { ProtectReport } from '../../src/runtime/virtual/replication/report.ts';
import { smallProtection } from './protection.ts';

const MIB = 1024 * 1024;
/** No life in a test gets so old: its end comes with an event. */
const LONGEST_LIFE_NS = 120e9;
/** A guest lives until so many of its packets have left its last host. */
const LAST_PACKETS = 20;
/** At this rate an epoch of some ten pages is under way for milliseconds, so that much can happen to it. */
const BYTES_PER_SECOND = 20e6;

/** What fails of a pair of hosts, and when. */
export interface Fate {
  readonly what: Trouble;
  /** After so many acknowledged epochs of the pair, and so many milliseconds later. */
  readonly afterEpochs: number;
  readonly delayMs: number;
}

/** Returns a small protection for threads, in which silence means death only after `silenceNs`. */
export function threadedProtection(
  changes: Parameters<typeof smallProtection>[0] = {},
  silenceNs = 1.5e9,
): ProtectConfig {
  const { run, ...config } = smallProtection({
    durationNs: LONGEST_LIFE_NS,
    ...changes,
    replication: { intervalNs: 10e6, heartbeatNs: 50e6, silenceNs, ...changes.replication },
  });
  const link = { ...run.link, bytesPerSecond: BYTES_PER_SECOND };
  return { ...config, run: { ...run, runtime: 'threads', link } };
}

/**
 * Lets a guest live in threads until the fate of each pair of hosts has come and the guest has gone on after the last one,
 * or is lost. Whatever is waited for is an event, so that the machine may be as slow as it likes.
 */
export async function liveThrough(
  config: ProtectConfig,
  fates: readonly Fate[],
  options: ThreadProtectionOptions = {},
): Promise<ProtectReport> {
  const clock = monotonicClock();
  const epochs = fates.map(() => 0);
  let packets = 0;
  let ended = 0;
  const protection: ThreadProtection = new ThreadProtection(config, {
    ...options,
    onNews(news) {
      if (news.kind === 'epoch' && ++epochs[news.pair]! === fates[news.pair]?.afterEpochs) {
        const { what, delayMs } = fates[news.pair]!;
        const untilNs = clock.now() + delayMs * 1e6;
        // A timer is too coarse for a point within an epoch of few milliseconds.
        setTimeout(() => {
          while (clock.now() < untilNs);
          protection.suffer(what);
        }, Math.floor(delayMs));
      }
      const hasTakenOver = news.kind === 'backupEnd' && news.end.kind === 'tookOver';
      if (hasTakenOver || news.kind === 'primaryEnd') ended++;
      if (news.kind === 'backupEnd' && !hasTakenOver) protection.end();
      if (ended < fates.length || news.kind !== 'packets') return;
      packets += news.run.to - news.run.from + 1;
      if (packets >= LAST_PACKETS) protection.end();
    },
  });
  return protection.run();
}

/** Draws a guest of 4 to 16 MiB, how it is protected, and when its primary dies, and those after that. */
export function drawKill(seed: number): { config: ProtectConfig; fates: readonly Fate[] } {
  const random = new Generator(seed, 0x4e4d);
  const of = <Kind>(kinds: readonly Kind[]): Kind => kinds[random.below(kinds.length)]!;
  const memoryBytes = of([4, 8, 16]) * MIB;
  const pages = of([64, 256, 768]);
  const intervalNs = of([0, 5e6, 20e6, 50e6]);
  const { run, ...rest } = threadedProtection(
    {
      latencyNs: of([20_000, 1e6, 5e6]),
      spares: of([0, 1, 4, 8]),
      replication: {
        intervalNs,
        capture: of(CAPTURES),
        capturePages: of([2, 16, 4096]),
        compression: of(COMPRESSIONS),
        cachePages: of([16, 4096]),
      },
    },
    0.4e9,
  );
  const workload = {
    ...run.guest.workloads[0]!,
    pages,
    rate: of([2000, 20_000, 100_000]),
    writes: of([0.5, 1]),
    pattern: of([
      { kind: 'uniform' },
      { kind: 'zipf', theta: 0.9 },
      { kind: 'sequential' },
    ] as const),
  };
  const guest = {
    ...run.guest,
    memoryBytes,
    vcpus: of([1, 1, 2]),
    dirtyLog: of(['bitmap', 'bytemap', 'atomic', 'ring'] as const),
    dirtyRingSize: 1024,
    contents: [{ firstGfn: 0, pages: memoryBytes / 4096, kind: 'mixed' as const, zeroShare: 0.8 }],
    workloads: [workload],
  };
  const link = { ...run.link, bytesPerSecond: of([20e6, 100e6, 1e9]) };
  const fates = Array.from({ length: rest.spares + 1 }, () => ({
    what: 'primary' as const,
    afterEpochs: 1 + random.below(6),
    delayMs: (random.below(1e6) / 1e6) * (3 + (2 * intervalNs) / 1e6),
  }));
  return { config: { ...rest, run: { ...run, seed, guest, link } }, fates };
}
