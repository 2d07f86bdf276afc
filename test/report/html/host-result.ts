import type { HostResult } from '../../../src/fleet/host/result-schema.ts';

const MIB = 2 ** 20;
const STATES = ['high', 'soft', 'hard', 'soft', 'high', 'high'];

/** Returns the result of a host that was short of memory for a while, made up. The second guest leaves before its end. */
export function hostResult(name = 'host'): HostResult {
  const timesMs = STATES.map((_, i) => i * 2000);
  const guest = {
    memoryBytes: 6 * MIB,
    minBytes: 2 * MIB,
    shares: 6,
    startMs: 0,
    accesses: 1000,
    accessesPerSecond: 100,
    pagedOut: 3,
    pagedIn: 2,
    doublePaged: 1,
  };
  const series = (scale: number, end: number) => {
    const values = (mib: number) =>
      timesMs.map((ms) => (ms > end ? null : Math.round((mib + (ms / 10_000) * scale) * MIB)));
    return {
      allocatedBytes: values(4),
      targetBytes: values(4),
      activeBytes: values(2),
      balloonedBytes: timesMs.map((ms) => (ms > end ? null : MIB)),
      sharedBytes: values(1),
      swappedBytes: timesMs.map((ms) => (ms > end ? null : 2 * MIB)),
    };
  };
  return {
    schema: 'pageferry/host@1',
    version: '1',
    scenario: { name },
    runtime: 'virtual',
    clock: 'virtual',
    outcome: 'completed',
    durationMs: 10_000,
    host: {
      memoryBytes: 8 * MIB,
      commitment: 1.5,
      minFreeBytes: MIB / 8,
      states: [
        { atMs: 2000, state: 'soft' },
        { atMs: 3000, state: 'hard' },
        { atMs: 3001, state: 'soft' },
        { atMs: 6000, state: 'high' },
      ],
      timeMs: { high: 6000, soft: 3999, hard: 1, low: 0 },
      sharing: {
        scanned: 500,
        shared: 200,
        copied: 20,
        takenOver: 5,
        staleHints: 1,
        falseMatches: 0,
        tableBytesPerFrame: 20,
      },
      paging: {
        swappedOut: 700,
        swappedIn: 100,
        sharedInstead: 30,
        zeroed: 900,
        readBytes: 400_000,
        writtenBytes: 2_800_000,
      },
    },
    guests: [
      { ...guest, name, resetMs: 5000, popped: 12, verify: { kind: 'off' } },
      { ...guest, name: 'db', stopMs: 8000, verify: { kind: 'off' } },
    ],
    series: {
      timesMs,
      freeBytes: timesMs.map((_, i) => (1 + i) * (MIB / 8)),
      reclaimedBytes: timesMs.map(() => MIB / 2),
      states: STATES,
      guests: [
        { name, ...series(1, 10_000) },
        { name: 'db', ...series(0.5, 8000) },
      ],
    },
    problems: [],
    ok: true,
  };
}
