import { gzipSync, brotliCompressSync } from 'node:zlib';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planMemory } from '../../src/guest/memory-plan.ts';
import { slotLayout, streamAt } from '../../src/memory/layout.ts';
import { buildResult } from '../../src/result/build.ts';
import { ContentsError } from '../../src/runtime/common/fill.ts';
import { WorkerPool } from '../../src/runtime/threads/pool.ts';
import { runThreads } from '../../src/runtime/threads/run.ts';
import { smallRun } from '../support/run-config.ts';

const PAGES = 2048;
const pool = new WorkerPool(6);
afterAll(() => pool.destroy());

describe.each([
  ['postcopy', 1],
  ['postcopy', 3],
  ['hybrid', 2],
] as const)('%s over %i memslot(s)', (algorithm, memslots) => {
  const config = smallRun({ guest: { memslots }, migration: { algorithm, runAfterNs: 60e6 } });

  it('takes real faults, is proved, and its figures add up', async () => {
    const report = await runThreads(config, { pool });
    const { faults, ram, ...result } = buildResult({ verify: 'replay' }, report);
    expect(result, result.error).toMatchObject({ outcome: 'completed', verify: { ok: true } });
    expect(ram.transferred).toBe(ram.precopyBytes + ram.downtimeBytes + ram.postcopyBytes);
    expect(ram).toMatchObject({ downtimeBytes: 0, dropped: 0, remaining: 0 });
    if (algorithm === 'postcopy') expect(ram.normal + ram.duplicate).toBe(PAGES);
    expect(faults!.count).toBeGreaterThan(0);
    expect(faults!.majorCount).toBeLessThanOrEqual(faults!.count);
    expect(ram.postcopyRequests).toBeGreaterThan(0);
    expect(faults!.vcpuBlockedMs).toHaveLength(2);
    const blocked = faults!.vcpuBlockedMs.reduce((sum, ms) => sum + ms, 0);
    expect(blocked).toBeCloseTo(faults!.blockedMs, 2);
    const { p50, p90, p99, max } = faults!.latencyUs!;
    expect([p50, p90, p99, max]).toEqual([p50, p90, p99, max].toSorted((a, b) => a - b));
    // Nothing can come sooner than a request and an answer.
    expect(p50).toBeGreaterThan((2 * config.link.latencyNs) / 1e3);
    expect(result.resumeTimeMs).toBeLessThanOrEqual(result.totalTimeMs);
  });

  it('a write that is lost at the destination is found', async () => {
    let before: Uint8Array | undefined;
    const report = await runThreads(config, {
      pool,
      // A page of the working set as it was at the pause: what its vCPU wrote since is gone.
      beforeProof: (source, destination) => {
        for (const [slot, frozen] of source.entries()) {
          const ram = destination[slot]!;
          for (let at = 0; at < ram.length && !before; at += 4096) {
            const sent = frozen.subarray(at, at + 4096);
            if (Buffer.compare(sent, ram.subarray(at, at + 4096)) === 0) continue;
            ram.set(sent, at);
            before = sent;
          }
        }
      },
    });
    expect(before).toBeDefined();
    expect(report.proof).toMatchObject({ ok: false, differingPages: 1 });
  });

  it('a vCPU whose state was reset on the way is found', async () => {
    const { geometries } = planMemory(config.guest, config.seed);
    const record = streamAt(slotLayout(geometries(1)[0]!), 0);
    const report = await runThreads(config, {
      pool,
      beforeProof: (source, destination) => {
        const n = (rams: readonly Uint8Array[]): Float64Array =>
          new Float64Array(rams[0]!.buffer, record, 1);
        const sent = n(source)[0]!;
        n(destination)[0]! -= sent;
        expect(sent).toBeGreaterThan(0);
      },
    });
    expect(report.proof!.ok).toBe(false);
  });
});

describe('contents from a file', () => {
  let folder = '';
  const image = Buffer.alloc(1024 * 4096);
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'image-'));
    for (let at = 0; at < image.length; at += 8) image.writeDoubleLE(at * 1.1, at);
    writeFileSync(join(folder, 'raw'), image);
    writeFileSync(join(folder, 'image.gz'), gzipSync(image, { level: 1 }));
    writeFileSync(join(folder, 'image.br'), brotliCompressSync(image, { params: { 1: 1 } }));
    writeFileSync(join(folder, 'sparse'), image.subarray(0, 4096));
    truncateSync(join(folder, 'sparse'), image.length);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const run = async (name: string, offset: number, pages: number) => {
    let ram = Buffer.alloc(0);
    const contents = [
      {
        firstGfn: 3,
        pages,
        kind: 'file' as const,
        zeroShare: 0,
        image: { path: join(folder, name), offset },
      },
      { firstGfn: 700, pages: 2, kind: 'zero' as const, zeroShare: 0 },
    ];
    const guest = { contents, workloads: [], memslots: 3 };
    const report = await runThreads(smallRun({ guest, verify: 'full' }), {
      pool,
      beforeProof: (_, destination) => (ram = Buffer.concat(destination)),
    });
    expect(report.proof).toMatchObject({ ok: true });
    return ram;
  };

  it.each(['raw', 'image.gz', 'image.br'])('%s fills its region, and only that', async (name) => {
    const ram = await run(name, 2 * 4096, 1000);
    const expected = Buffer.alloc(PAGES * 4096);
    image.copy(expected, 3 * 4096, 2 * 4096, 1002 * 4096);
    expected.fill(0, 700 * 4096, 702 * 4096);
    expect(Buffer.compare(ram, expected)).toBe(0);
  });

  it('the holes of a sparse file are zero pages', async () => {
    const ram = await run('sparse', 0, 1024);
    expect(Buffer.compare(ram.subarray(3 * 4096, 4 * 4096), image.subarray(0, 4096))).toBe(0);
    expect(ram.subarray(4 * 4096).every((byte) => byte === 0)).toBe(true);
  });

  it('a compressed image that is too short is the scenario’s fault', async () => {
    await expect(run('image.gz', 4096, 1024)).rejects.toThrow(ContentsError);
    await expect(run('image.gz', 4096, 1024)).rejects.toThrow(/ends after 4194304 bytes/);
  });

  it('a damaged one, too', async () => {
    writeFileSync(join(folder, 'broken.gz'), gzipSync(image).subarray(0, 5000));
    await expect(run('broken.gz', 0, 1024)).rejects.toThrow(/broken\.gz can't be read: /);
  });
});
