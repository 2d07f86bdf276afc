import type { VirtualClock } from '../../clock/virtual.ts';
import type { HintEntry } from '../../memory/hint-queues.ts';
import type { GuestHints } from '../../migration/ports.ts';

export interface TimedHintsParts {
  readonly clock: VirtualClock;
  /** Advances the vCPUs to the present. */
  readonly live: () => void;
  /** How long the host takes to clear the bits of a block, in ns. */
  readonly clearNs: number;
}

/**
 * A guest's free-page hinting on a virtual clock. A thread of its own takes the hints on the host (QEMU: the balloon's
 * iothread), so that clearing bits takes time which the sender does not wait for, and hints may wait in a queue.
 */
export function timedHints(
  inner: GuestHints,
  { clock, live, clearNs }: TimedHintsParts,
): GuestHints {
  /** The thread is busy until then. */
  let busyNs = 0;
  /** Each queue was found empty then, so what is in it has come later. */
  const emptyNs = Array.from({ length: inner.queues }, () => 0);
  const held: (HintEntry | undefined)[] = [];
  const taken = (queue: number): HintEntry | undefined => {
    const entry = held[queue];
    held[queue] = undefined;
    return entry;
  };
  return {
    queues: inner.queues,
    nextId: inner.nextId,
    command: (command) => {
      live();
      inner.command(command);
    },
    next: (queue, hurries) => {
      live();
      const nowNs = clock.now();
      held[queue] ??= inner.next(queue, hurries);
      const entry = held[queue];
      if (!entry) {
        emptyNs[queue] = nowNs;
        return undefined;
      }
      if ('command' in entry) return taken(queue);
      const readyNs = Math.max(busyNs, emptyNs[queue]!) + clearNs;
      if (readyNs > nowNs && !hurries) return undefined;
      busyNs = readyNs;
      return taken(queue);
    },
  };
}
