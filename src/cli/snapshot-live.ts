import type { SnapshotOptions, SnapshotProgress } from '../runtime/common/snapshot/save-report.ts';
import { formatSize } from '../units/size.ts';
import { Interruption } from './interrupt.ts';
import { Counted } from './progress.ts';

/** Shows how far a save or a restore is. */
class SnapshotDisplay {
  phase: SnapshotProgress['phase'] = 'prepare';
  readonly #name: 'save' | 'restore';
  readonly #counted: Counted;

  constructor(name: 'save' | 'restore', isShown: boolean) {
    this.#name = name;
    this.#counted = new Counted(name, 'preparing the guest', isShown);
  }

  readonly show = ({ phase, doneBytes, allBytes }: SnapshotProgress): void => {
    this.phase = phase;
    const share = `${formatSize(doneBytes)} of ${formatSize(allBytes)}`;
    const whats = {
      prepare: `filling memory: ${share}`,
      before: 'the guest runs',
      work: `${this.#name === 'save' ? 'writing' : 'reading'} pages: ${share}`,
      after: 'the guest runs on',
      verify: 'proving every byte',
    };
    const isCounted = phase === 'prepare' || phase === 'work';
    this.#counted.show(whats[phase], isCounted ? doneBytes : 0, isCounted ? allBytes : 0);
  };

  stop(): void {
    this.#counted.stop();
  }
}

/**
 * Makes a save or a restore and shows its progress. Returns undefined when a signal came while it could be given up.
 */
export async function playShown<Report>(
  name: 'save' | 'restore',
  isShown: boolean,
  play: (options: SnapshotOptions) => Promise<Report>,
  canGiveUp: (phase: SnapshotProgress['phase']) => boolean,
): Promise<Report | undefined> {
  const display = new SnapshotDisplay(name, isShown);
  const interrupt = new Interruption();
  const { signal, late: proofSignal } = interrupt;
  try {
    const work = play({ signal, proofSignal, onProgress: display.show });
    return await interrupt.race(work, () => canGiveUp(display.phase));
  } finally {
    display.stop();
    interrupt.forget();
  }
}
