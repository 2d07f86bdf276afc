import { describe, expect, it, vi } from 'vitest';
import { loadProtectDocument } from '../../../src/fleet/protect/load.ts';
import { buildProtectResult } from '../../../src/fleet/protect/result.ts';
import { protectSummary } from '../../../src/cli/protect-table.ts';
import {
  type ProtectionOptions,
  VirtualProtection,
} from '../../../src/runtime/virtual/replication/protection.ts';
import { ScenarioDocument } from '../../../src/scenario/document.ts';

const FILE = `name: small
duration: 300ms
guest:
  memory: 1MiB
  vcpus: 1
  workloads: [{ pattern: uniform, rate: 20000 }]
link: { bandwidth: 1Gbit/s }
migration: { startAfter: 10ms, downtimeLimit: 1ms }
replication:
  interval: 10ms
  heartbeat: { interval: 5ms, timeout: 30ms }
  killAt: 150ms
outputs: [{ every: 10 }]
disk: { size: 64KiB, writes: [{ every: 50 }] }
`;

async function resultOf(text: string, options: ProtectionOptions = {}) {
  const loaded = loadProtectDocument(new ScenarioDocument('p.yaml', text), '.');
  const protection = new VirtualProtection(loaded.config, options);
  return buildProtectResult(loaded, await protection.run());
}

describe('the result of a protected guest', () => {
  it('has the parts of a takeover, which sum to its time, and says that all is proved', async () => {
    const result = await resultOf(FILE);
    expect(result).toMatchObject({ outcome: 'completed', ok: true, problems: [], splitMs: 0 });
    const [takeover] = result.takeovers;
    const { detectMs, fenceMs, drainMs, activateMs, startMs, totalMs } = takeover!;
    expect(detectMs).toBe(30);
    expect(detectMs + fenceMs + drainMs + activateMs + startMs).toBeCloseTo(totalMs, 6);
    expect(startMs).toBeGreaterThan(0);
    const [protection] = result.protections;
    expect(protection!.epochsPerSecond).toBeCloseTo(100, -1);
    expect(protection!.pauseMs.mean).toBeGreaterThan(0.5);
    // Output waits for the rest of its epoch, at most for an interval and its acknowledgement.
    expect(result.packets.delayMs!.max).toBeGreaterThan(9);
    const { released, releasedBytes, mostHeldBytes } = result.packets;
    expect(releasedBytes).toBe(released * 1500);
    // An epoch of 10 ms sends 20 packets, and some more leave before it is acknowledged.
    expect(mostHeldBytes / 1500).toBeGreaterThan(19);
    expect(mostHeldBytes / 1500).toBeLessThan(80);
    expect(result.proofs.map(({ host, of }) => [host, of])).toEqual([
      [2, 'image'],
      [2, 'end'],
    ]);
    const summary = protectSummary(result);
    expect(summary).toContain('takeover from host 1 to 2');
    expect(summary).toContain('30.0 ms of silence');
    expect(summary).toContain('proved: 512 pages of 1 image of a backup and the guest at its end');
  });

  it('says why checkpoints of COLO were made, and whose pages they had', async () => {
    const colo = 'mode: colo, colo: { silence: 5ms, divergence: 0.0005 }, interval: 60ms';
    const text = FILE.replace('  interval: 10ms\n', '').replace(
      /replication:\n(.*\n)(.*\n)/,
      (_, a: string, b: string) =>
        `replication: { ${colo}, ${a.trim()}, ${b.trim().replace('150ms', '250ms')} }\n`,
    );
    const result = await resultOf(text);
    expect(result).toMatchObject({ outcome: 'completed', ok: true, problems: [] });
    const { colo: made, epochs, pagesPerEpoch } = result.protections[0]!;
    const { differences, silences, periods, primaryPages, secondaryPages } = made!;
    expect(differences).toBeGreaterThan(0);
    expect(differences + silences + periods).toBe(epochs - 1);
    expect(primaryPages + secondaryPages).toBeGreaterThan(pagesPerEpoch);
    expect(pagesPerEpoch).toBeGreaterThanOrEqual(Math.max(primaryPages, secondaryPages));
    const summary = protectSummary(result);
    expect(summary).toContain('300 ms of COLO');
    expect(summary).toContain(`${differences} for a difference`);
  });

  it('says which image differs, by one byte', async () => {
    const result = await resultOf(FILE, {
      beforeProof: ({ side }) => void (side.memory.slots[0]!.ram[12_345]! ^= 1),
    });
    expect(result.ok).toBe(false);
    const [first] = result.proofs;
    expect(first!.verify).toMatchObject({ ok: false, differingPages: 1 });
    expect(protectSummary(result)).toContain('NOT PROVED: the image at host 2 differs');
  });

  it('proves nothing of a run that has failed', async () => {
    const onProof = vi.fn<() => void>();
    const result = await resultOf(FILE, { mostEvents: 100, onProof });
    expect(result).toMatchObject({ outcome: 'failed', proofs: [] });
    expect(result.error).toContain('goes round in circles');
    expect(result).not.toHaveProperty('ok');
    expect(onProof).not.toHaveBeenCalled();
    expect(protectSummary(result)).toContain('not proved');
  });

  it('names no guest at its end when no host runs it', async () => {
    const result = await resultOf(FILE.replace('duration: 300ms', 'duration: 151ms'));
    expect(result).toMatchObject({ outcome: 'lost', ok: true });
    expect(protectSummary(result)).toMatch(/proved: 256 pages of 1 image of a backup are what/);
  });

  it('claims no proof when nothing of the guest is left to compare', async () => {
    const result = await resultOf(FILE.replace('killAt: 150ms', 'killAt: 11ms'));
    expect(result).toMatchObject({ outcome: 'lost', proofs: [], problems: [] });
    expect(result).not.toHaveProperty('ok');
    expect(protectSummary(result)).toContain('not proved');
  });

  it('is not made of a mistake of the program', async () => {
    const beforeProof = (): never => {
      throw new TypeError('a mistake');
    };
    await expect(resultOf(FILE, { beforeProof })).rejects.toThrow(TypeError);
  });

  it('needs no proof with verify off', async () => {
    const onProof = vi.fn<() => void>();
    const result = await resultOf(`${FILE}verify: off\n`, { onProof });
    expect(result).not.toHaveProperty('ok');
    expect(onProof).not.toHaveBeenCalled();
  });

  it('tells of a guest that was interrupted before its first epoch', async () => {
    const interrupt = new AbortController();
    const onSettled = (): void => interrupt.abort();
    const result = await resultOf(FILE, { onSettled, signal: interrupt.signal });
    expect(result).toMatchObject({ outcome: 'cancelled', protections: [], ok: true });
    expect(result.proofs.map(({ host, of }) => [host, of])).toEqual([[1, 'end']]);
    expect(protectSummary(result)).toContain('256 pages of the guest at its end are');
  });

  it('says how often the guest passed its mark, and shows no means of a single epoch', async () => {
    const deadline = 'interval: 10ms\n  deadline: { dirtyPages: 50 }';
    const result = await resultOf(FILE.replace('interval: 10ms', deadline));
    const [protection] = result.protections;
    const { markedEpochs, epochs, mostPages } = protection!;
    expect(markedEpochs).toBeGreaterThan(10);
    expect(markedEpochs).toBeLessThanOrEqual(epochs);
    expect(mostPages).toBeGreaterThanOrEqual(50);
    expect(mostPages).toBeLessThan(100);
    const summary = protectSummary(result);
    expect(summary).toContain(
      `passed its mark of 50 dirty pages in ${markedEpochs} of ${epochs} epochs`,
    );
    const none = protectSummary(await resultOf(FILE.replace('killAt: 150ms', 'killAt: 11ms')));
    expect(none).toMatch(/1 → 2 +0 +– +– +– +– +–/);
  });
});
