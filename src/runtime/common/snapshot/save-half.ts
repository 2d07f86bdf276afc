import type { Clock } from '../../../clock/clock.ts';
import type { VcpuState } from '../../../guest/vcpu-state.ts';
import type { GuestMemory } from '../../../memory/guest-memory.ts';
import type { Link } from '../../../link/link.ts';
import type { Algorithm, SourceGuest } from '../../../migration/ports.ts';
import { sourceAlgorithm } from '../../../migration/spec/wiring.ts';
import type { Capture } from '../../../replication/capture.ts';
import { backgroundSave, type BackgroundEnd, type SaveEnd } from '../../../snapshot/background.ts';
import { FileLink } from '../../../snapshot/file-link.ts';
import type { SnapshotWriter } from '../../../snapshot/writer.ts';
import type { RunConfig } from '../../config.ts';
import { ownKinds } from '../own-kinds.ts';
import { saveOptions } from './save-config.ts';
import type { SaveRequest } from './save-report.ts';

export interface SaveHalfParts {
  /** As `saveConfig` makes it. */
  readonly config: Pick<RunConfig, 'link' | 'migration'>;
  readonly request: Pick<SaveRequest, 'mode' | 'scenario'>;
  readonly clock: Clock;
  readonly guest: SourceGuest;
  readonly writer: SnapshotWriter;
  /** How much delay the sender makes up for; 10 ms by default. */
  readonly madeUpLagNs?: number;
  /** Makes of the link to the file the one that the algorithm sends over; by default it is the same. */
  readonly wrap?: (file: FileLink) => Link;
  /** What captures the pages of a background save. */
  readonly capture?: Capture | undefined;
  readonly beforeRead?: () => void;
  /** Called as the save goes on. */
  readonly watch?: (pagesLeft: number) => void;
}

/** The one half of a save, and the link on which its driver waits. */
export interface SaveHalf {
  readonly algorithm: Algorithm<SaveEnd | BackgroundEnd>;
  readonly link: Link;
}

/** At most so many bytes of copied pages wait for their writes; then a vCPU that is about to write another one waits. */
const COPIED_BYTES = 64 * 1024 * 1024;

/** Returns how many copies of pages a background save keeps at most. */
export const mostCopies = ({ pageSize }: Pick<GuestMemory, 'pageSize'>): number =>
  Math.max(8, COPIED_BYTES / pageSize);

/** Returns how many accesses a guest has made, by the state of its vCPUs. */
export const accessesIn = (vcpus: readonly VcpuState[]): number =>
  vcpus.flatMap(({ streams }) => streams).reduce((sum, { n }) => sum + n, 0);

/** Returns the algorithm that a save asks for: a migration over a link to the file, or a background save. */
export function saveHalf(parts: SaveHalfParts): SaveHalf {
  const { config, request, clock, guest, writer, capture, watch } = parts;
  const { link, migration } = config;
  const { memory } = guest;
  const memslots = memory.slots.map(({ layout }) => layout.pages);
  const { mode, scenario } = request;
  const file = new FileLink({
    writer,
    clock,
    memory,
    bytesPerSecond: link.bytesPerSecond,
    ...(parts.madeUpLagNs === undefined ? {} : { madeUpLagNs: parts.madeUpLagNs }),
    commit: (vcpus) => writer.commit({ mode, scenario, memslots, vcpus }),
  });
  if (mode === 'background') {
    const algorithm = backgroundSave({
      clock,
      guest,
      link: file,
      capture: capture!,
      beforeRead: parts.beforeRead ?? (() => undefined),
      ...(watch ? { watch } : {}),
      timeoutNs: migration.timeoutNs,
      maxBytesPerSecond: migration.maxBytesPerSecond,
    });
    return { algorithm, link: file };
  }
  const sending = parts.wrap?.(file) ?? file;
  const side = {
    clock,
    link: sending,
    guest,
    ...(watch ? { watch: ({ unsent }: { unsent: { count: number } }) => watch(unsent.count) } : {}),
    options: saveOptions(config, memory),
  };
  return { algorithm: sourceAlgorithm(side, migration, ownKinds), link: sending };
}
