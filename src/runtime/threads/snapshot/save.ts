import { MONOTONIC_CLOCK_NAME } from '../../../clock/monotonic.ts';
import { accessesOf } from '../../../guest/stream-record.ts';
import { nodeFiles, SnapshotError } from '../../../snapshot/file-port.ts';
import { SnapshotChain } from '../../../snapshot/reader.ts';
import { createSlabs, type SharedSlabs, WORD } from '../../../snapshot/slabs.ts';
import { temporaryOf } from '../../../snapshot/writer.ts';
import { fillGuest } from '../../common/fill.ts';
import { giveBackGuestSide } from '../../common/guest-side.ts';
import { achievedRates } from '../../common/measures.ts';
import { proveFile, proveGuest } from '../../common/snapshot/prove-snapshot.ts';
import { saveConfig } from '../../common/snapshot/save-config.ts';
import { accessesIn } from '../../common/snapshot/save-half.ts';
import type {
  SaveReport,
  SaveRequest,
  SnapshotOptions,
} from '../../common/snapshot/save-report.ts';
import type { RunConfig } from '../../config.ts';
import { WorkerPool } from '../pool.ts';
import { LiveGuest } from './live-guest.ts';
import type { SaveAnswer } from './tasks.ts';

/** A lane has so many slabs: one is filled, one is written, and one is at hand. */
const SLABS_EACH = 3;

/**
 * Saves a guest to a file in real time: its vCPUs and the engine that saves it are threads, and with two channels or
 * more so are those that write. Throws SnapshotError when the file can't be made or the base can't be read,
 * ContentsError, and CrewError when a thread dies.
 */
export async function saveThreads(
  config: RunConfig,
  request: SaveRequest,
  options: SnapshotOptions = {},
): Promise<SaveReport> {
  const { base, channels } = request;
  if (base !== undefined) new SnapshotChain(base).close();
  const lanes = channels > 1 ? channels : 0;
  const pool = new WorkerPool(config.guest.vcpus + 1 + lanes);
  const saveIt = new ThreadSave(saveConfig(config, request.mode), request, options, pool);
  try {
    return await saveIt.run();
  } finally {
    await pool.destroy();
  }
}

class ThreadSave {
  readonly #config: RunConfig;
  readonly #request: SaveRequest;
  readonly #options: SnapshotOptions;
  readonly #pool: WorkerPool;
  readonly #guest: LiveGuest;
  readonly #lanes: readonly SharedSlabs[];

  constructor(config: RunConfig, request: SaveRequest, options: SnapshotOptions, pool: WorkerPool) {
    this.#config = config;
    this.#request = request;
    this.#options = options;
    this.#pool = pool;
    this.#guest = new LiveGuest(config, pool);
    const lanes = request.channels > 1 ? request.channels : 0;
    this.#lanes = Array.from({ length: lanes }, () => createSlabs(SLABS_EACH));
  }

  async run(): Promise<SaveReport> {
    const { migration, guest, seed } = this.#config;
    const { mode } = this.#request;
    const live = this.#guest;
    await fillGuest(this.#pool, live.shared, guest.contents, seed, {
      prefault: true,
      isUsed: false,
      onBytes: this.#meter(),
    });
    let haveAllLeft = false;
    let answer: SaveAnswer;
    let rates: number[] | undefined;
    try {
      await live.launch(mode === 'background');
      await live.start();
      this.#tell('before', 0);
      await live.live(migration.startAfterNs, this.#options.signal);
      if (migration.startAfterNs > 0) rates = achievedRates(live.side, live.plan);
      answer = await this.#save();
      const isOver = !('problem' in answer) && isEnd(answer) && mode !== 'background';
      this.#tell('after', 0);
      if (!isOver) await live.live(migration.runAfterNs, this.#options.proofSignal);
      await live.park();
    } finally {
      for (const { memory } of this.#lanes) closeLane(memory);
      haveAllLeft = await live.leave();
    }
    if ('problem' in answer) throw new SnapshotError(answer.problem);
    const report = await this.#report(answer, rates);
    if (haveAllLeft) giveBackGuestSide(live.shared);
    return report;
  }

  async #save(): Promise<SaveAnswer> {
    const live = this.#guest;
    const { path, direct } = this.#request;
    const temporary = temporaryOf(nodeFiles, path);
    const { handshake } = live.shared;
    for (const [i, slabs] of this.#lanes.entries()) {
      const task = { slabs, path: temporary, direct, handshake };
      void live.crew.watch(`writer ${i + 1}`, this.#pool.run('lane', task));
    }
    const { link, migration } = this.#config;
    const task = { ...live.task, request: this.#request, link, migration, lanes: this.#lanes };
    const work = this.#pool.run('save', task);
    return live.engine(work, this.#options.signal, (bytes) => this.#tell('work', bytes));
  }

  async #report(
    answer: Exclude<SaveAnswer, { problem: string }>,
    rates: readonly number[] | undefined,
  ): Promise<SaveReport> {
    const { end, state, counts, isDirect } = answer;
    const { mode, path } = this.#request;
    const live = this.#guest;
    const isSaved = end.outcome === 'completed';
    const isOver = isSaved && mode !== 'background';
    this.#tell('verify', 0);
    const proving = live.proving(this.#options.proofSignal);
    const frozen = isOver ? { side: live.shared, state } : undefined;
    const proof = isSaved ? await proveFile(proving, path, frozen) : undefined;
    const accesses = accessesOf(live.side.memory, live.plan);
    const guestProof = isOver ? undefined : await proveGuest(proving, live.shared);
    const { pages, pageSize } = live.side.memory;
    return {
      runtime: 'threads',
      clock: MONOTONIC_CLOCK_NAME,
      mode,
      end,
      counts,
      isDirect,
      guest: {
        pages,
        pageSize,
        ...(isSaved ? { savedAccesses: accessesIn(state!) } : {}),
        accesses,
        ...(rates ? { achievedRate: rates } : {}),
      },
      ...(proof ? { proof } : {}),
      ...(guestProof ? { guestProof } : {}),
    };
  }

  #meter(): (bytes: number) => void {
    let done = 0;
    return (bytes) => this.#tell('prepare', (done += bytes));
  }

  #tell(phase: 'prepare' | 'before' | 'work' | 'after' | 'verify', doneBytes: number): void {
    const { memoryBytes: allBytes } = this.#config.guest;
    this.#options.onProgress?.({ phase, doneBytes, allBytes });
  }
}

const isEnd = ({ end }: Exclude<SaveAnswer, { problem: string }>): boolean =>
  end.outcome === 'completed';

function closeLane(memory: WebAssembly.Memory): void {
  const words = new Int32Array(memory.buffer);
  Atomics.store(words, WORD.closed, 1);
  Atomics.notify(words, WORD.head);
}
