import { beforeAll, describe, expect, it } from 'vitest';
import { readProgress, slotOfStream, writeProgress } from '../../src/guest/stream-record.ts';
import type { GuestMemory } from '../../src/memory/guest-memory.ts';
import type { SourceReport } from '../../src/migration/source.ts';
import { inlineRunner, type Work } from '../../src/runtime/common/work.ts';
import {
  ENDED_N,
  numbersIn,
  PAUSED_N,
  plantByte,
  ProvenGuest,
  withChanged,
} from '../support/proven-guest.ts';

const STATE_PROBLEM =
  "the vCPUs' state that the destination received is not the one that the source saved";

/** Adds one to a field of a stream's record. */
function bump(
  guest: ProvenGuest,
  memory: GuestMemory,
  stream: number,
  field: 'n' | 'writes' | 'checksumLow' | 'checksumHigh',
): void {
  const slot = slotOfStream(memory, guest.run.plan, stream);
  const progress = readProgress(slot, stream);
  writeProgress(slot, stream, { ...progress, [field]: progress[field] + 1 });
}

const nameOf = ({ run }: ProvenGuest, stream: number): string => {
  const { vcpu, workload } = run.plan.streams[stream]!;
  return `the reads or counters of vCPU ${vcpu} in workload ${workload} differ from the replay (seed ${run.config.seed})`;
};

describe.each([
  ['replay', 'completed'],
  ['full', 'completed'],
  ['replay', 'diverged'],
] as const)('the proof (verify: %s) of a run that is %s', (verify, outcome) => {
  let guest: ProvenGuest;
  beforeAll(async () => {
    guest = await ProvenGuest.make({ verify, outcome, memslots: 2, threads: 2 });
  });

  it.each(['checksumLow', 'checksumHigh', 'writes'] as const)(
    'finds that the %s of a stream differs, of each stream',
    async (field) => {
      const { streams } = guest.run.plan;
      // Two workloads, one on both vCPUs and one on the second, each over two slots.
      expect(streams).toHaveLength(6);
      for (const stream of streams.keys()) {
        const proof = await guest.prove(() => bump(guest, guest.final, stream, field));
        expect(proof).toMatchObject({ ok: false, differingPages: 0 });
        expect(proof.problems).toEqual([nameOf(guest, stream)]);
      }
    },
  );

  it('finds that a stream says that it has made one access more', async () => {
    for (const stream of guest.run.plan.streams.keys()) {
      const proof = await guest.prove(() => bump(guest, guest.final, stream, 'n'));
      expect(proof.ok).toBe(false);
      // The access that is made in the replay changes the page, or the checksum of what was read.
      expect(proof.problems).toEqual([nameOf(guest, stream)]);
    }
  });

  it('finds that a stream says that it has made one access less', async () => {
    for (const stream of guest.run.plan.streams.keys()) {
      const { ok, problems } = await guest.prove(() => {
        const slot = slotOfStream(guest.final, guest.run.plan, stream);
        const progress = readProgress(slot, stream);
        writeProgress(slot, stream, { ...progress, n: progress.n - 1 });
      });
      expect(ok).toBe(false);
      expect(problems).toContain(nameOf(guest, stream));
    }
  });
});

describe('the proof of a guest that has moved, from its frozen source', () => {
  let guest: ProvenGuest;
  beforeAll(async () => {
    guest = await ProvenGuest.make({ memslots: 2, threads: 2 });
  });

  it('finds a byte that has changed at the source', async () => {
    for (const gfn of [0, 255, 256, 349, 350, 699]) {
      for (const offset of [0, 100, 4095]) {
        let bytes = { expected: 0, found: 0 };
        const place = { gfn, offset };
        const proof = await guest.prove(() => void (bytes = plantByte(guest.source, place, 0x81)));
        expect(proof).toMatchObject({ ok: false, differingPages: 1, firstDifference: { gfn } });
        // The first bytes of a page are a stream's own, which the replay goes on to change.
        if (offset === 0) continue;
        // The byte at the source is what is expected.
        const { expected: found, found: expected } = bytes;
        expect(proof.firstDifference).toEqual({ ...place, expected, found });
      }
    }
  });

  it.each(['n', 'writes', 'checksumLow', 'checksumHigh'] as const)(
    'finds that the %s of a stream went on at the source after the pause',
    async (field) => {
      for (const [stream, { vcpu, workload }] of guest.run.plan.streams.entries()) {
        const { ok, problems } = await guest.prove(() => bump(guest, guest.source, stream, field));
        expect(ok).toBe(false);
        expect(problems).toContain(
          `vCPU ${vcpu} of workload ${workload} went on at the source after the pause`,
        );
      }
    },
  );

  it('finds that any value of the state has changed on the way', async () => {
    const { sentState } = guest.run;
    const paths = numbersIn(sentState);
    const named = new Set(
      paths.map((path) => path.filter((key) => typeof key === 'string').join('.')),
    );
    expect([...named].toSorted()).toEqual([
      'aliveNs',
      'guestNs',
      'manager',
      'pausedNs',
      'streams.checksumHigh',
      'streams.checksumLow',
      'streams.n',
      'streams.pace',
      'streams.stream',
      'streams.writes',
      'throttled',
    ]);
    for (const path of paths) {
      const receivedState = withChanged(sentState!, path);
      const proof = await guest.prove(() => ({ receivedState }));
      expect(proof, path.join('.')).toMatchObject({ ok: false, problems: [STATE_PROBLEM] });
    }
  });

  it.each([
    ['no state was received', { receivedState: undefined }, [STATE_PROBLEM]],
    [
      'no state was saved or received',
      { sentState: undefined, receivedState: undefined },
      undefined,
    ],
    ['the state of a vCPU is missing', 'short', [STATE_PROBLEM]],
  ] as const)('finds that %s', async (_, changes, problems) => {
    const proof = await guest.prove(() =>
      changes === 'short' ? { receivedState: guest.run.sentState!.slice(1) } : changes,
    );
    expect(proof.ok).toBe(false);
    expect(proof.problems).toContain(STATE_PROBLEM);
    if (problems) expect(proof.problems).toEqual(problems);
  });

  it('finds that neither side has the state of a vCPU, so that nobody knows whether it stood still', async () => {
    const short = guest.run.sentState!.slice(0, 1);
    const { ok, problems } = await guest.prove(() => ({ sentState: short, receivedState: short }));
    const others = guest.run.plan.streams.filter(({ vcpu }) => vcpu === 1);
    expect(ok).toBe(false);
    expect(problems).toEqual(
      others.map(
        ({ workload }) => `vCPU 1 of workload ${workload} went on at the source after the pause`,
      ),
    );
  });

  it('with verify: full fills memory anew that was used, however new it was before', async () => {
    const full = await ProvenGuest.make({ memslots: 2, verify: 'full' });
    const { source, destination } = full.run.sides;
    const slots = source.slots.map((slot) => ({ ...slot, isFresh: true }));
    const proof = await full.prove(() => ({
      sides: { source: { ...source, slots }, destination },
    }));
    expect(proof).toMatchObject({ ok: true, kind: 'full' });
  });

  it('with verify: full asks the source for nothing, neither bytes nor state', async () => {
    const full = await ProvenGuest.make({ memslots: 2, verify: 'full' });
    const proof = await full.prove(() => {
      // A fifth of the pages are zero at first, which says nothing of what is in them now.
      for (let gfn = 0; gfn < 32; gfn++) plantByte(full.source, { gfn, offset: 4095 }, 1);
      bump(full, full.source, 0, 'n');
      return { receivedState: undefined };
    });
    expect(proof).toMatchObject({ ok: true, kind: 'full' });
  });
});

describe('the proof of pages that a memory manager has zeroed', () => {
  /** Each list has, twice: pages of stream 0 in the midst of its accesses; and once pages of no stream. */
  const zeroings = () => ({
    source: [0, 400, 0, 200, 30, 0, 900, 0, 190, 40, -1, 0, 0, 10, 3],
    destination: [0, 1700, 0, 210, 30, -1, 0, 1, 330, 9, 0, 2200, 0, 180, 25],
  });
  const options = { memslots: 2, threads: 2, zeroings, workloads: [{ vcpu: 0, writes: 0.6 }] };
  const ENTRIES = { source: [0, 5, 10], destination: [0, 5, 10] };

  describe.each([
    ['replay', 'completed'],
    ['full', 'completed'],
    ['replay', 'cancelled'],
  ] as const)('(verify: %s) of a run that is %s', (verify, outcome) => {
    let guest: ProvenGuest;
    beforeAll(async () => {
      guest = await ProvenGuest.make({ ...options, verify, outcome });
    });
    const isReplay = verify === 'replay' && outcome === 'completed';

    it('finds nothing wrong with them', async () => {
      expect(await guest.prove()).toMatchObject({ ok: true, problems: [], differingPages: 0 });
    });

    it('finds a byte of a zeroed page that is not zero', async () => {
      for (const gfn of [10, 12, 680, 688]) {
        const place = { gfn, offset: (gfn * 61) % 4096 };
        const { firstDifference } = await guest.prove(
          () => void plantByte(guest.final, place, 0x10),
        );
        expect(firstDifference).toEqual({ ...place, expected: 0, found: 0x10 });
      }
    });

    it('finds that a zeroing is left out, is of other pages, or comes at another time', async () => {
      const list = guest.run.zeroings;
      let planted = 0;
      for (const side of ['source', 'destination'] as const) {
        for (const at of ENTRIES[side]) {
          // What the source zeroed is zero in its frozen memory already.
          if (at >= list[side].length || (isReplay && side === 'source')) continue;
          const isOfStream = list[side][at]! >= 0;
          const withEntry = (change: (entry: number[]) => number[]): number[] => [
            ...list[side].slice(0, at),
            ...change(list[side].slice(at, at + 5)),
            ...list[side].slice(at + 5),
          ];
          const wrong = [
            withEntry(() => []),
            withEntry(([s, n, slot, page, pages]) => [s!, n!, slot!, page! - 1, pages!]),
            withEntry(([s, n, slot, page, pages]) => [s!, n!, slot!, page!, pages! - 1]),
            withEntry(([s, n, slot, page, pages]) => [s!, n!, slot!, page!, pages! + 1]),
            ...(isOfStream
              ? [
                  withEntry(([s, n, slot, page, pages]) => [s!, n! - 300, slot!, page!, pages!]),
                  withEntry(([s, n, slot, page, pages]) => [s!, n! + 250, slot!, page!, pages!]),
                ]
              : [withEntry(([s, n, slot, page, pages]) => [s!, n!, 1 - slot!, page!, pages!])]),
          ];
          for (const entries of wrong) {
            const proof = await guest.prove(() => ({ zeroings: { ...list, [side]: entries } }));
            expect(proof.ok, `${side}: ${entries.join()}`).toBe(false);
            planted++;
          }
        }
      }
      expect(planted).toBeGreaterThan(10);
    });
  });
});

describe('what is proved, and how', () => {
  it.each([
    ['completed', 'replay', 'replay'],
    ['completed', 'full', 'full'],
    ['completed', 'off', undefined],
    ['diverged', 'replay', 'full'],
    ['cancelled', 'replay', 'full'],
    ['failed', 'full', 'full'],
    ['failed', 'off', undefined],
  ] as const)('a run that is %s, with verify: %s: %s', async (outcome, verify, kind) => {
    const guest = await ProvenGuest.make({ outcome, verify, pages: 60 });
    const proof = await guest.attempt(() => undefined);
    expect(proof?.kind).toBe(kind);
    expect(proof?.ok).toBe(kind === undefined ? undefined : true);
  });

  it('a guest that was lost is nowhere, so it is not proved', async () => {
    const guest = await ProvenGuest.make({ outcome: 'failed', pages: 60 });
    const report = { outcome: 'failed', guestLost: true } as SourceReport;
    expect(await guest.attempt(() => ({ report }))).toBeUndefined();
  });

  it.each([
    [1e9, 'twin'],
    [1e9 + 1, 'kernel'],
  ] as const)('%d accesses are replayed by the %s', async (accesses, replayedBy) => {
    const guest = await ProvenGuest.make({ pages: 60, threads: 3, workloads: [{}] });
    const replays: Work['replay'][0][] = [];
    const runner = {
      threads: 3,
      run: async (name, task) => {
        if (name !== 'replay') return inlineRunner.run(name, task);
        replays.push(task as Work['replay'][0]);
        return undefined;
      },
    } satisfies typeof inlineRunner;
    // The first stream makes all that are left to the second one.
    const proof = await guest.attempt(() => {
      const slot = slotOfStream(guest.final, guest.run.plan, 0);
      const n = PAUSED_N + accesses - (ENDED_N - PAUSED_N);
      writeProgress(slot, 0, { ...readProgress(slot, 0), n });
    }, runner);
    expect(proof!.replayedBy).toBe(replayedBy);
    const kernels = replayedBy === 'kernel' ? 'wasm' : 'twin';
    expect(new Set(replays.map((task) => task.kernels))).toEqual(new Set([kernels]));
    // The pieces of a stream follow one another, each further than the last, and share an access list with no other.
    for (const stream of [0, 1]) {
      const own = replays.flatMap(({ streams, list }) =>
        streams.filter((one) => one.stream === stream).map(({ targetN }) => ({ targetN, list })),
      );
      expect(own.length).toBeGreaterThan(0);
      expect(own.every(({ targetN }, i) => i === 0 || targetN > own[i - 1]!.targetN)).toBe(true);
      expect(new Set(own.map(({ list }) => list)).size).toBe(1);
    }
    const listOf = (stream: number) =>
      replays.find(({ streams }) => streams.some((one) => one.stream === stream))!.list;
    expect(listOf(0)).not.toBe(listOf(1));
    // Nothing was replayed, so the counters can't agree.
    expect(proof!.ok).toBe(false);
  });

  it('the kernel replays to the same bytes and checksums as its twin', async () => {
    const guest = await ProvenGuest.make({ pages: 60, memslots: 2 });
    const run: typeof inlineRunner.run = (name, task) =>
      inlineRunner.run(name, 'kernels' in task ? { ...task, kernels: 'wasm' } : task);
    const runner = { threads: 1, run };
    expect(await guest.attempt(() => undefined, runner)).toMatchObject({ ok: true });
  });
});
