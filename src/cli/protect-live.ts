import type { Clock } from '../clock/clock.ts';
import type { EpochRecord } from '../replication/ports.ts';
import type { ProtectConfig } from '../runtime/virtual/replication/config.ts';
import { formatSize } from '../units/size.ts';
import { fitLine, lineWidth } from './columns.ts';
import { formatCount, formatMs } from './format.ts';
import { type DisplayStream, timeLeft } from './progress.ts';
import { LINE_NS, REDRAW_NS, RedrawnLines } from './redrawn-lines.ts';

/** Shows how a guest is protected: on a terminal a line that is redrawn, elsewhere a line every half minute. */
export class ProtectDisplay {
  readonly #stream: DisplayStream;
  readonly #clock: Clock;
  readonly #config: ProtectConfig;
  readonly #isWanted: boolean;
  readonly #beganNs: number;
  readonly #lines: RedrawnLines;
  #shownNs: number;
  /** What the epochs since the last line came to. */
  #sum = { epochs: 0, pages: 0, bytes: 0, delayNs: 0, fromNs: 0 };

  constructor(stream: DisplayStream, clock: Clock, config: ProtectConfig, isWanted: boolean) {
    this.#stream = stream;
    this.#clock = clock;
    this.#config = config;
    this.#isWanted = isWanted;
    this.#lines = new RedrawnLines(stream);
    this.#beganNs = clock.now();
    this.#shownNs = this.#beganNs;
  }

  showSetUp(): void {
    if (this.#isWanted && this.#stream.isTTY) this.#lines.draw(["filling the guest's memory"]);
  }

  showProof(): void {
    if (this.#isWanted && this.#stream.isTTY) this.#lines.draw(['proving the guest']);
  }

  /** Counts an epoch, and shows what it came to with those before it, unless the display was updated a moment ago. */
  show(record: EpochRecord, atNs: number): void {
    const sum = this.#sum;
    sum.epochs++;
    sum.pages += record.pages;
    sum.bytes += record.bytes;
    sum.delayNs = Math.max(sum.delayNs, record.ackNs - record.pauseNs);
    const nowNs = this.#clock.now();
    const { isTTY } = this.#stream;
    if (!this.#isWanted || nowNs - this.#shownNs < (isTTY ? REDRAW_NS : LINE_NS)) return;
    this.#shownNs = nowNs;
    const line = this.#line(atNs, nowNs);
    if (isTTY) this.#lines.draw([line]);
    else this.#stream.write(`${line}\n`);
    this.#sum = { epochs: 0, pages: 0, bytes: 0, delayNs: 0, fromNs: atNs };
  }

  /** Clears the display. */
  stop(): void {
    if (this.#isWanted && this.#stream.isTTY) this.#lines.draw([]);
  }

  #line(atNs: number, nowNs: number): string {
    const { durationNs } = this.#config;
    const { epochs, pages, bytes, delayNs, fromNs } = this.#sum;
    const seconds = Math.max(1e-9, (atNs - fromNs) / 1e9);
    return fitLine(
      [
        {
          text: `${(atNs / 1e9).toFixed(1)} of ${(durationNs / 1e9).toFixed(1)} s`,
          weight: Infinity,
        },
        { text: `${(epochs / seconds).toFixed(1)} epochs/s`, weight: 5 },
        { text: `${formatCount(pages / epochs)} dirty pages`, weight: 4 },
        { text: `${formatSize(bytes / seconds)}/s`, weight: 3 },
        { text: `output held up to ${formatMs(delayNs / 1e6)} more`, weight: 2 },
        { text: timeLeft(nowNs - this.#beganNs, atNs / durationNs), weight: 1 },
      ],
      lineWidth(this.#stream) - 1,
    );
  }
}
