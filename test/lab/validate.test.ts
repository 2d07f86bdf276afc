import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configOf, unsupportedReason } from '../../src/lab/validate/mapping.ts';
import { MeasuredFileError, readMeasured } from '../../src/lab/validate/measured.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { validate } from '../../src/lab/validate/validate.ts';

const file = readMeasured('fixtures/measured/qemu-two-cores.json');
const run = (id: string) => file.runs.find((one) => one.id === id)!;

describe('measured runs of QEMU', () => {
  it('are predicted: a sample of them', async () => {
    const ids = [
      'idle-8632bd5e-0',
      'precopy-256-978f2791-0',
      'v10-precopy-dl30-aa510bb1-0',
      'postcopy-early-51922f8d-0',
      'xbzrle-b96bce51-0',
    ];
    const { runs, skipped, summary } = await validate({ ...file, runs: ids.map(run) });
    expect(skipped).toEqual([]);
    expect(runs.map(({ id }) => id)).toEqual(ids);
    for (const { errors, measured, predicted } of runs) {
      expect(predicted.outcome).toBe(measured.outcome);
      expect(predicted.dirtySyncCount).toBe(measured.dirtySyncCount);
      expect(Math.abs(errors.totalTimeMs!)).toBeLessThan(0.02);
      expect(Math.abs(errors.transferred!)).toBeLessThan(0.002);
    }
    expect(summary.totalTimeMs).toMatchObject({ n: 5 });
    expect(summary.outcome).toEqual({ n: 5, median: 0, p90: 0, max: 0 });
  });

  it('look for the pages in the cache that QEMU looked for', async () => {
    // query-migrate said of this run: 4194 pages, 4100 of them missed besides, no overflow.
    const { source } = await runVirtual(configOf(run('xbzrle-b96bce51-0'), file.host, '.'));
    expect(source.xbzrle!.overflow).toBe(0);
    expect(Math.abs(source.xbzrle!.cacheMisses - 4100)).toBeLessThan(20);
    expect(Math.abs(source.xbzrle!.pages - 4194)).toBeLessThan(200);
  });

  it('over channels are predicted by the packets that QEMU counts', async () => {
    const ids = ['multifd-ca23bd89-0', 'v10-multifd-9bdad3cc-0'];
    const { runs } = await validate({ ...file, runs: ids.map(run) });
    const [old, now] = runs;
    expect(Math.abs(old!.errors.totalTimeMs!)).toBeLessThan(0.04);
    expect(Math.abs(old!.errors.transferred!)).toBeLessThan(0.015);
    // With two channels a packet is being written and another one is handed over when 10.0 notices that a window is full.
    expect(Math.abs(now!.errors.totalTimeMs!)).toBeLessThan(0.01);
    expect(Math.abs(now!.errors.transferred!)).toBeLessThan(0.002);
    expect(now!.predicted.dirtySyncCount).toBe(now!.measured.dirtySyncCount);
    const { migration } = configOf(run(ids[0]!), file.host, '.');
    expect(migration).toMatchObject({ channels: 2, packetPages: 128, zeroPageDetection: 'legacy' });
  });

  it('feed a prediction by their inputs alone', () => {
    const one = run('precopy-256-978f2791-0');
    const changed = {
      ...one,
      outcome: 'cancelled',
      derived: { ...one.derived, normal: 1, total_time_ms: 1 },
    };
    expect(configOf(changed, file.host, '.')).toEqual(configOf(one, file.host, '.'));
  });

  it('are mapped as documented', () => {
    const { guest, migration, costs } = configOf(run('auto-converge-c85f4624-0'), file.host, '.');
    expect(guest.memoryBytes).toBe((256 * 256 + 130) * 4096);
    expect(guest.workloads).toHaveLength(1);
    expect(guest.workloads[0]).toMatchObject({ firstGfn: 512, pages: 16_384, rate: Infinity });
    expect(costs.accessNs).toBeCloseTo(1e9 / 6_724_792.3, 6);
    expect(migration).toMatchObject({ qemuVersion: '7.2', maxBytesPerSecond: 3e8 });
    expect(migration.autoConverge).toMatchObject({ initial: 0.2, increment: 0.1 });
    const small = configOf(run('xbzrle-91dcb0a2-0'), file.host, '.').migration;
    expect(small).toMatchObject({ encodings: ['zero', 'xbzrle'], xbzrleCacheBytes: 32 * 2 ** 20 });
    const late = configOf(run('postcopy-early-51922f8d-0'), file.host, '.').migration;
    expect(late).toMatchObject({ algorithm: 'hybrid', postcopyAfter: 0, postcopyPollNs: 50e6 });
  });

  it('of features that are not there are skipped, not guessed', () => {
    const one = run('idle-8632bd5e-0');
    const withInputs = (inputs: object) =>
      unsupportedReason({ ...one, inputs: { ...one.inputs, ...inputs } }, '.');
    expect(withInputs({ caps: ['rdma-pin-all'] })).toBe('capability rdma-pin-all is not built yet');
    const multifd = (params: object) => withInputs({ caps: ['multifd'], params });
    expect(multifd({})).toBeUndefined();
    expect(multifd({ 'multifd-compression': 'none' })).toBeUndefined();
    expect(multifd({ 'multifd-compression': 'zstd' })).toBe(
      'multifd-compression zstd is not built yet',
    );
    expect(multifd({ 'multifd-channels': 65 })).toBe(
      'multifd-channels 65 is no number of channels from 1 to 64',
    );
    expect(withInputs({ caps: ['multifd', 'xbzrle'] })).toMatch(/multifd and xbzrle/);
    expect(withInputs({ caps: ['multifd'], mode: 'postcopy' })).toMatch(/post-copy with multifd/);
    expect(withInputs({ caps: ['xbzrle'], ram_mib: 4096 })).toMatch(/^xbzrle needs real bytes/);
    expect(withInputs({ smp: 2 })).toBeUndefined();
    expect(withInputs({ content: 'linux', workload: 'mystery' })).toMatch(/give zero_pct/);
    expect(withInputs({ content: 'linux', workload: 'idle' })).toMatch(
      /idle\.pftrace is not there/,
    );
    expect(withInputs({ pattern: 'zigzag' })).toMatch(/pattern zigzag/);
    expect(unsupportedReason({ ...one, outcome: 'failed' }, '.')).toBe('it ended failed');
  });
});

describe('the trace of a Linux guest', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'traces-'));
    mkdirSync(join(folder, 'traces'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const linux = readMeasured('fixtures/measured/qemu-linux/linux.json');
  const idle = linux.runs.find(({ inputs }) => inputs.workload === 'idle')!;

  it('that is damaged, or larger than its guest, is bad input', async () => {
    writeFileSync(join(folder, 'traces', 'idle.pftrace'), 'damage');
    const damaged = validate({ ...linux, folder, runs: [idle] });
    await expect(damaged).rejects.toThrow(MeasuredFileError);
    await expect(damaged).rejects.toThrow(/idle\.pftrace is not a gzip file/);
    const small = { ...idle, inputs: { ...idle.inputs, ram_mib: 16 } };
    await expect(validate({ ...linux, runs: [small] })).rejects.toThrow(/the region has 4096/);
  });
});

describe('a file of measured runs', () => {
  let folder = '';
  beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'measured-'))));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const complaint = (content: string): string => {
    const path = join(folder, 'm.json');
    writeFileSync(path, content);
    try {
      readMeasured(path);
      return '';
    } catch (error) {
      if (!(error instanceof MeasuredFileError)) throw error;
      return error.message.replaceAll(path, 'm.json');
    }
  };

  it('that is not there, or not JSON', () => {
    expect(() => readMeasured(join(folder, 'none.json'))).toThrow(/none\.json: is not there/);
    expect(complaint('{')).toMatch(/^m\.json: is not JSON/);
  });

  it('that is too deep, too long or too wrong, is refused in a few lines', () => {
    const deep = `{ "format":\n${'['.repeat(200)}`;
    expect(complaint(deep)).toBe(
      'm.json:2:100: lists and maps nest more than 100 levels deep here: write it flatter',
    );
    const quoted = JSON.stringify({ format: `${'['.repeat(200)}"\\${'['.repeat(200)}` });
    expect(complaint(quoted)).toMatch(/^m\.json:1:11 format: /);
    expect(complaint(' '.repeat(16 * 1024 * 1024 + 1))).toMatch(/^m\.json: has more than 16 MiB/);
    const lines = complaint(JSON.stringify({ ...file, runs: '1'.repeat(300).split('') }));
    expect(lines.split('\n')).toHaveLength(21);
    expect(lines).toMatch(/… and 280 more$/);
    // The text is longer than what the parser reads that knows lines.
    const long = JSON.stringify({ ...file, runs: 3, note: 'x'.repeat(1024 * 1024) });
    expect(complaint(long)).toMatch(/^m\.json runs: /);
    const many = { ...file, runs: Array.from({ length: 10_001 }, () => file.runs[0]) };
    expect(complaint(JSON.stringify(many))).toMatch(
      /runs: has 10001 runs, at most 10000 are read: cut it into several files/,
    );
  });

  it('of another format, or with a wrong value, is refused with its place', () => {
    expect(complaint('{ "format": "x" }')).toMatch(/^m\.json:1:13 format: /);
    const one = JSON.stringify({ ...file, runs: [{ ...file.runs[0], outcome: 3 }] }, null, 1);
    expect(complaint(one)).toMatch(/^m\.json:\d+:\d+ runs\[0\]\.outcome: expected text, got 3$/);
    const { mode: _, ...modeless } = file.runs[0]!.inputs;
    const two = JSON.stringify({ ...file, runs: [{ ...file.runs[0], inputs: modeless }] });
    expect(complaint(two)).toMatch(/ runs\[0\]\.inputs\.mode: is missing: expected text$/);
  });
});
