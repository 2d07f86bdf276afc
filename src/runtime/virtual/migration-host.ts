import type { HostSpec } from '../world/host-spec.ts';
import type { VirtualGuest, VirtualPlace } from './guest.ts';
import type { VirtualWorker } from './virtual-worker.ts';

/** What a migration asks of the hosts at its two ends. */
export interface MigrationHost {
  readonly spec: HostSpec;
  /** Adds a guest's place on this host; its vCPUs keep `demandCpus` CPUs busy while they run here. */
  admit(guest: VirtualGuest, place: VirtualPlace, demandCpus: number): void;
  /** Removes a guest, which has no place on this host any more. */
  release(guest: VirtualGuest): void;
  /** Adds a sender or a receiver; returns undefined when the host does not count its CPUs. */
  hire(): VirtualWorker | undefined;
  dismiss(worker: VirtualWorker): void;
}
