import type { Process } from '../../../clock/process.ts';
import type { PacketRun } from '../../../replication/net-buffer.ts';
import type { PacketLedger } from '../../../replication/packet-ledger.ts';
import type { VirtualCrew } from '../crew.ts';
import type { EventLoop } from '../event-loop.ts';

/** A guest as its clients know it, wherever it runs. */
export interface AskedGuest {
  /**
   * Asks for work that takes so many accesses. The first vCPU makes them for its first workload, behind what it has yet
   * to do. A guest that runs nowhere hears nothing.
   */
  ask(accesses: number, nowNs: number): void;
  /** Lets the guest live to the present, so that clients hear of what it has sent by now and nobody holds. */
  live(nowNs: number): void;
}

/** Clients of a guest, who ask it and wait for its packets. */
export interface Clients extends Process {
  begin(guest: AskedGuest): void;
  /** Is told of packets that have left the guest, in their order, and when they did; `atNs` may lie a little ahead. */
  hear(run: PacketRun, atNs: number): void;
}

/** Lets clients, if there are any, ask a guest from now on. `crewAt` returns the vCPUs of the place where it runs. */
export function admitClients(
  clients: Clients | undefined,
  world: {
    readonly loop: EventLoop;
    readonly ledger: PacketLedger;
    readonly crewAt: (nowNs: number) => VirtualCrew | undefined;
  },
): void {
  const { loop, ledger, crewAt } = world;
  if (!clients) return;
  ledger.onLeave = (run, atNs) => {
    clients.hear(run, atNs);
    loop.wake(clients);
  };
  clients.begin({
    ask: (accesses, nowNs) => crewAt(nowNs)?.owe(accesses, nowNs),
    live: (nowNs) => crewAt(nowNs)?.advance(nowNs),
  });
  loop.add(clients);
}
