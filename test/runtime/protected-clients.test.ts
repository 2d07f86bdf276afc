import { describe, expect, it } from 'vitest';
import type { EpochRecord } from '../../src/replication/ports.ts';
import type { PacketRun } from '../../src/replication/net-buffer.ts';
import type { AskedGuest, Clients } from '../../src/runtime/virtual/replication/clients.ts';
import { protect, smallProtection } from '../support/protection.ts';

const ACCESSES = 10;

/** Asks a guest for two answers every 2 ms, and looks every 0.5 ms for what it has sent. */
class Asker implements Clients {
  readonly asked: number[] = [];
  readonly heard: number[] = [];
  #guest: AskedGuest | undefined;
  #dueNs = 2e6;

  begin(guest: AskedGuest): void {
    this.#guest = guest;
  }

  get isOver(): boolean {
    return this.#dueNs > 50e6;
  }

  nextNs(nowNs: number): number {
    return Math.max(nowNs, this.#dueNs);
  }

  step(nowNs: number): void {
    this.#guest!.live(nowNs);
    if (nowNs % 2e6 === 0) {
      this.asked.push(nowNs, nowNs);
      this.#guest!.ask(ACCESSES, nowNs);
      this.#guest!.ask(ACCESSES, nowNs);
    }
    this.#dueNs = nowNs + 0.5e6;
  }

  hear({ from, to }: PacketRun, atNs: number): void {
    for (let n = from; n <= to; n++) this.heard.push(atNs);
  }
}

async function asked(netBuffer: boolean, clients: Asker) {
  const config = smallProtection({ replication: { netBuffer } });
  const { guest } = config.run;
  // The guest does nothing but what it is asked for.
  const workload = { ...guest.workloads[0]!, rate: 1, fromNs: 1e15, catchUpNs: Infinity };
  const run = { ...config.run, guest: { ...guest, workloads: [workload] } };
  const epochs: EpochRecord[] = [];
  const onEpoch = (record: EpochRecord): void => void epochs.push({ ...record });
  const report = await protect({ ...config, run }, { clients, onEpoch });
  expect(report.outcome).toBe('completed');
  expect(report.proofs!.every(({ proof }) => proof.ok)).toBe(true);
  return { report, epochs };
}

describe('a protected guest whose clients ask for its work', () => {
  it('answers each request, and the answer leaves when its epoch has been acknowledged', async () => {
    const clients = new Asker();
    const { report, epochs } = await asked(true, clients);
    const { heard } = clients;
    expect(clients.asked).toHaveLength(50);
    expect(report.accesses).toBe(50 * ACCESSES);
    expect(heard.length).toBeGreaterThan(30);
    const acknowledged = new Set(epochs.map(({ ackNs }) => ackNs));
    const isHeld = (atNs: number): boolean => acknowledged.has(atNs);
    // Before the first epoch nothing is held.
    const protectedNs = epochs[0]!.ackNs;
    expect(heard.filter((atNs) => atNs >= protectedNs).every(isHeld)).toBe(true);
    for (const [i, atNs] of heard.entries()) expect(atNs).toBeGreaterThan(clients.asked[i]!);
  });

  it('answers at once when nobody holds what it sends', async () => {
    const clients = new Asker();
    await asked(false, clients);
    expect(clients.heard).toHaveLength(50);
    const waits = clients.heard.map((atNs, i) => atNs - clients.asked[i]!);
    expect(Math.max(...waits)).toBeLessThan(2e6);
  });
});
