import type { DisplayStream } from './progress.ts';

/** Lines are redrawn this often at most. */
export const REDRAW_NS = 100e6;
/** When the output is not a terminal, lines can't be redrawn, so they come at this interval. */
export const LINE_NS = 30e9;

/** Lines on a terminal that are redrawn in their place. */
export class RedrawnLines {
  readonly #stream: DisplayStream;
  #drawn = 0;

  constructor(stream: DisplayStream) {
    this.#stream = stream;
  }

  /** Draws lines in place of those drawn before; an empty list clears them. */
  draw(lines: readonly string[]): void {
    // The cursor goes back to the first line drawn last time, and everything from there on is cleared.
    const back = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : '';
    const text = lines.map((line) => `${line}\n`).join('');
    if (back !== '' || text !== '') this.#stream.write(`${back}\r\x1b[J${text}`);
    this.#drawn = lines.length;
  }
}
