import { VIRTUAL_CLOCK_NAME, VirtualClock } from '../../../clock/virtual.ts';
import { planMemory } from '../../../guest/memory-plan.ts';
import { accessesOf } from '../../../guest/stream-record.ts';
import { CopyOnWrite } from '../../../replication/copy-on-write.ts';
import type { BackgroundEnd, SaveEnd } from '../../../snapshot/background.ts';
import { countsOf } from '../../../snapshot/counts.ts';
import { type FilePort, nodeFiles } from '../../../snapshot/file-port.ts';
import { SnapshotChain } from '../../../snapshot/reader.ts';
import { SnapshotWriter } from '../../../snapshot/writer.ts';
import { fillGuest } from '../../common/fill.ts';
import { giveBackGuestSide, type GuestSide, openGuestSide } from '../../common/guest-side.ts';
import { SharedSourceGuest } from '../../common/guests.ts';
import { proveFile, proveGuest } from '../../common/snapshot/prove-snapshot.ts';
import { saveConfig } from '../../common/snapshot/save-config.ts';
import { accessesIn, mostCopies, saveHalf } from '../../common/snapshot/save-half.ts';
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
  /** How many copied pages a background save keeps at most; tests lower it. */
  readonly mostCopies?: number;
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
    let writer: SnapshotWriter | undefined;
    const shared = createPlace(guest, plan, geometries(0));
    try {
      await fillGuest(this.#runner, shared, guest.contents, seed, {
        prefault: false,
        isUsed: false,
        onBytes: this.#meter('prepare'),
      });
      const side = openGuestSide(shared);
      const capture = mode === 'background' ? this.#captureOf(side) : undefined;
      const layers = capture ? { layers: [capture] } : {};
      const hosted = new VirtualGuest(plan, side, costs, this.#clock, layers);
      hosted.start(0);
      await this.#live(hosted, this.#config.migration.startAfterNs);
      hosted.measureRates();
      const inner = new SharedSourceGuest(side, plan, this.#clock);
      const spec = { path, pages, pageSize: guest.pageSize, base, direct };
      writer = new SnapshotWriter(spec, files);
      const end = await this.#migrate(hosted, inner, writer, capture);
      const isSaved = end.outcome === 'completed';
      const isOver = isSaved && mode !== 'background';
      if (!isOver) await this.#live(hosted, this.#clock.now() + this.#config.migration.runAfterNs);
      this.#tell('verify', 0);
      const parts = { config: this.#config, plan, geometries, runner: this.#runner };
      const proving = { ...parts, signal: this.#options.proofSignal };
      const frozen = isOver ? { side: shared, state: inner.savedState } : undefined;
      const proof = isSaved ? await proveFile(proving, path, frozen) : undefined;
      const accesses = accessesOf(side.memory, plan);
      const guestProof = isOver ? undefined : await proveGuest(proving, shared);
      return {
        runtime: 'virtual',
        clock: VIRTUAL_CLOCK_NAME,
        mode,
        end,
        counts: countsOf(writer.counts, writer.table),
        isDirect: writer.isDirect,
        guest: {
          pages,
          pageSize: guest.pageSize,
          ...(isSaved ? { savedAccesses: accessesIn(inner.savedState!) } : {}),
          accesses,
          ...(hosted.rates ? { achievedRate: hosted.rates } : {}),
        },
        ...(proof ? { proof } : {}),
        ...(guestProof ? { guestProof } : {}),
      };
    } finally {
      writer?.abandon();
      base?.close();
      giveBackGuestSide(shared);
    }
  }

  /** Copies pages of the running guest before it writes them. */
  #captureOf({ memory, words }: GuestSide): CopyOnWrite {
    const { firstWriteNs, installNs } = this.#config.costs;
    const copyNs = firstWriteNs + (installNs * memory.pageSize) / 4096;
    const mostPages = this.#options.mostCopies ?? mostCopies(memory);
    return new CopyOnWrite({ memory, words, clock: this.#clock, mostPages, copyNs });
  }

  /** Saves the guest to the file. */
  #migrate(
    hosted: VirtualGuest,
    inner: SharedSourceGuest,
    writer: SnapshotWriter,
    capture: CopyOnWrite | undefined,
  ): Promise<SaveEnd | BackgroundEnd> {
    const { costs } = this.#config;
    const { crew, side } = hosted.place;
    const clock = this.#clock;
    const { pages, pageSize, slots } = side.memory;
    const guest = new VirtualSourceGuest(inner, crew, clock, costs);
    let pagesLeft = pages;
    const { algorithm, link } = saveHalf({
      config: this.#config,
      request: this.#request,
      clock,
      guest,
      writer,
      madeUpLagNs: 0,
      wrap: (file) =>
        new VirtualLink({
          inner: file,
          clock,
          costs,
          pageSize,
          storedBytes: pageSize,
          slots: slots.map(({ layout }) => layout.pages),
          stalledUntilNs: () => 0,
          setupNs: costs.setupNs,
          neighbours: crew,
          beforeRead: () => guest.live(),
        }),
      capture,
      beforeRead: () => {
        crew.attendFaults(clock.now());
        guest.live();
      },
      watch: (left) => (pagesLeft = left),
    });
    const half = new Half(algorithm, {
      clock,
      link,
      isGuestSettled: () => guest.isSettled(),
      isCancelled: () => this.#options.signal?.aborted ?? false,
    });
    const live = (atNs: number): number => {
      hosted.advance(atNs);
      return atNs;
    };
    return playHalf(half, clock, live, () => this.#tell('work', (pages - pagesLeft) * pageSize));
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
