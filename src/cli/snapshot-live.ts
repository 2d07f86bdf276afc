import type { SnapshotProgress } from '../runtime/common/snapshot/save-report.ts';
import { formatSize } from '../units/size.ts';
import { Counted } from './progress.ts';

/** Shows how far a save or a restore is. */
export class SnapshotDisplay {
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
