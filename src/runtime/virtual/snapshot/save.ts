import { VIRTUAL_CLOCK_NAME, VirtualClock } from '../../../clock/virtual.ts';
import { planMemory } from '../../../guest/memory-plan.ts';
import { accessesOf } from '../../../guest/stream-record.ts';
import type { SourceReport } from '../../../migration/source.ts';
import type { SourceSession } from '../../../migration/source-session.ts';
import { sourceAlgorithm } from '../../../migration/spec/wiring.ts';
import { countsOf } from '../../../snapshot/counts.ts';
import { FileLink } from '../../../snapshot/file-link.ts';
import { type FilePort, nodeFiles } from '../../../snapshot/file-port.ts';
import { SnapshotChain } from '../../../snapshot/reader.ts';
import { SnapshotWriter } from '../../../snapshot/writer.ts';
import { fillGuest } from '../../common/fill.ts';
import { giveBackGuestSide, openGuestSide } from '../../common/guest-side.ts';
import { SharedSourceGuest } from '../../common/guests.ts';
import { ownKinds } from '../../common/own-kinds.ts';
import { proveFile, proveGuest } from '../../common/snapshot/prove-snapshot.ts';
import { saveConfig, saveOptions } from '../../common/snapshot/save-config.ts';
import type {
  SaveReport,
  SaveRequest,
  SnapshotOptions,
} from '../../common/snapshot/save-report.ts';
import { createPlace } from '../../common/stage.ts';
import { inlineRunner, type WorkRunner } from '../../common/work.ts';
import type { RunConfig } from '../../config.ts';
import { VirtualGuest } from '../guest.ts';
import { VirtualSourceGuest } from '../guests.ts';
import { Half } from '../half.ts';
import { VirtualLink } from '../link.ts';
import { playHalf } from './half-loop.ts';

export interface VirtualSaveOptions extends SnapshotOptions {
  /** The file system that takes the snapshot; tests inject one that fails. */
  readonly files?: FilePort;
  readonly runner?: WorkRunner;
}

/**
 * Saves a guest to a file on a virtual clock; the scenario's link stands for the disk. The same configuration gives the
 * same bytes and the same report on any machine. Throws SnapshotError when the file can't be made or the base can't be
 * read, and ContentsError.
 */
export async function saveVirtual(
  config: RunConfig,
  request: SaveRequest,
  options: VirtualSaveOptions = {},
): Promise<SaveReport> {
  return new VirtualSave(config, request, options).run();
}

class VirtualSave {
  readonly #config: RunConfig;
  readonly #request: SaveRequest;
  readonly #options: VirtualSaveOptions;
  readonly #clock = new VirtualClock();
  readonly #runner: WorkRunner;

  constructor(config: RunConfig, request: SaveRequest, options: VirtualSaveOptions) {
    this.#config = saveConfig(config, request.mode);
    this.#request = request;
    this.#options = options;
    this.#runner = options.runner ?? inlineRunner;
  }

  async run(): Promise<SaveReport> {
    const { guest, seed, costs } = this.#config;
    const { files = nodeFiles } = this.#options;
    const { path, base: basePath, direct, mode } = this.#request;
    const base = basePath === undefined ? undefined : new SnapshotChain(basePath, files);
    const { plan, geometries } = planMemory(guest, seed);
    const pages = guest.memoryBytes / guest.pageSize;
    const spec = { path, pages, pageSize: guest.pageSize, base, direct };
    const writer = new SnapshotWriter(spec, files);
    const shared = createPlace(guest, plan, geometries(0));
    try {
      await fillGuest(this.#runner, shared, guest.contents, seed, {
        prefault: false,
        isUsed: false,
        onBytes: this.#meter('prepare'),
      });
      const hosted = new VirtualGuest(plan, openGuestSide(shared), costs, this.#clock);
      hosted.start(0);
      await this.#live(hosted, this.#config.migration.startAfterNs);
      hosted.measureRates();
      const inner = new SharedSourceGuest(hosted.place.side, plan, this.#clock);
      const source = await this.#migrate(hosted, inner, writer);
      const savedAccesses = accessesOf(hosted.place.side.memory, plan);
      const isSaved = source.outcome === 'completed';
      if (!isSaved) await this.#live(hosted, this.#clock.now() + this.#config.migration.runAfterNs);
      this.#tell('verify', 0);
      const parts = { config: this.#config, plan, geometries, runner: this.#runner };
      const proving = { ...parts, signal: this.#options.proofSignal };
      const proof = isSaved
        ? await proveFile(proving, path, { side: shared, state: inner.savedState })
        : undefined;
      const guestProof = isSaved ? undefined : await proveGuest(proving, shared);
      return {
        runtime: 'virtual',
        clock: VIRTUAL_CLOCK_NAME,
        mode,
        source,
        counts: countsOf(writer.counts, writer.table),
        isDirect: writer.isDirect,
        guest: {
          pages,
          pageSize: guest.pageSize,
          ...(isSaved ? { savedAccesses } : {}),
          accesses: accessesOf(openGuestSide(shared).memory, plan),
          ...(hosted.rates ? { achievedRate: hosted.rates } : {}),
        },
        ...(proof ? { proof } : {}),
        ...(guestProof ? { guestProof } : {}),
      };
    } finally {
      writer.abandon();
      base?.close();
      giveBackGuestSide(shared);
    }
  }

  /** Migrates the guest to the file. */
  #migrate(
    hosted: VirtualGuest,
    inner: SharedSourceGuest,
    writer: SnapshotWriter,
  ): Promise<SourceReport> {
    const { costs, link, guest: shape, migration } = this.#config;
    const { crew, side } = hosted.place;
    const clock = this.#clock;
    const { mode, scenario } = this.#request;
    const { memory } = side;
    const memslots = memory.slots.map(({ layout }) => layout.pages);
    const guest = new VirtualSourceGuest(inner, crew, clock, costs);
    const file = new FileLink({
      writer,
      clock,
      memory,
      bytesPerSecond: link.bytesPerSecond,
      madeUpLagNs: 0,
      commit: (vcpus) => writer.commit({ mode, scenario, memslots, vcpus }),
    });
    const sending = new VirtualLink({
      inner: file,
      clock,
      costs,
      pageSize: shape.pageSize,
      storedBytes: shape.pageSize,
      slots: memslots,
      stalledUntilNs: () => 0,
      setupNs: costs.setupNs,
      neighbours: crew,
      beforeRead: () => guest.live(),
    });
    let session: SourceSession | undefined;
    const algorithm = sourceAlgorithm(
      {
        clock,
        link: sending,
        guest,
        watch: (now) => void (session = now),
        options: saveOptions(this.#config, memory),
      },
      migration,
      ownKinds,
    );
    const half = new Half(algorithm, {
      clock,
      link: sending,
      isGuestSettled: () => guest.isSettled(),
      isCancelled: () => this.#options.signal?.aborted ?? false,
    });
    const live = (atNs: number): number => {
      hosted.advance(atNs);
      return atNs;
    };
    const { pages, pageSize } = memory;
    return playHalf(half, clock, live, () => {
      this.#tell('work', (pages - (session?.unsent.count ?? pages)) * pageSize);
    });
  }

  async #live(guest: VirtualGuest, toNs: number): Promise<void> {
    const isCancelled = (): boolean => this.#options.proofSignal?.aborted ?? false;
    this.#clock.moveTo(await guest.live(guest.livedNs, toNs, isCancelled));
  }

  #meter(phase: 'prepare'): (bytes: number) => void {
    let done = 0;
    return (bytes) => this.#tell(phase, (done += bytes));
  }

  #tell(phase: 'prepare' | 'work' | 'verify', doneBytes: number): void {
    const { memoryBytes: allBytes } = this.#config.guest;
    this.#options.onProgress?.({ phase, doneBytes, allBytes });
  }
}
