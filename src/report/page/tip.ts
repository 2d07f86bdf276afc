import type { Drawing, Target } from '../html/chart/figure.ts';

/** What is shown over a chart where a reader points at: a line or a ring, and a box with values. */
export class Tip {
  readonly #plot: HTMLElement;
  readonly #spoken: HTMLElement;
  readonly #box: HTMLElement;
  readonly #cursor: HTMLElement;
  readonly #ring: HTMLElement;
  readonly #selection: HTMLElement;

  /** `spoken` is where readers of the screen are told of a point that the keyboard went to. */
  constructor(plot: HTMLElement, spoken: HTMLElement) {
    this.#plot = plot;
    this.#spoken = spoken;
    this.#box = this.#add('tip');
    this.#cursor = this.#add('cursor');
    this.#ring = this.#add('ring');
    this.#selection = this.#add('select');
  }

  show(target: Target, drawing: Drawing, isLine: boolean, isSpoken: boolean): void {
    const scale = this.#scale(drawing);
    const [x, y] = [target.x * scale, target.y * scale];
    const { top, bottom } = drawing.plot;
    this.#cursor.hidden = !isLine;
    this.#ring.hidden = isLine;
    place(this.#cursor, { left: x, top: top * scale, height: (bottom - top) * scale });
    place(this.#ring, { left: x, top: y });
    this.#write(target);
    this.#box.hidden = false;
    const { offsetWidth: width, offsetHeight: height } = this.#box;
    const room = this.#plot.clientWidth - width;
    const left = x + 14 <= room ? x + 14 : x - width - 14;
    const above = isLine ? top * scale + 6 : y + 14;
    place(this.#box, {
      left: Math.max(0, Math.min(room, left)),
      top: Math.max(0, Math.min(drawing.height * scale - height, above)),
    });
    if (isSpoken)
      this.#spoken.textContent = [target.head, ...target.lines.map(({ text }) => text)].join(', ');
  }

  hide(): void {
    for (const part of [this.#box, this.#cursor, this.#ring, this.#selection]) part.hidden = true;
  }

  /** Shows the part of the x axis that is dragged over. */
  select(from: number, to: number, drawing: Drawing): void {
    this.hide();
    const scale = this.#scale(drawing);
    const { top, bottom, left, right } = drawing.plot;
    const [start, end] = [Math.max(left, Math.min(from, to)), Math.min(right, Math.max(from, to))];
    this.#selection.hidden = false;
    place(this.#selection, {
      left: start * scale,
      top: top * scale,
      width: Math.max(0, end - start) * scale,
      height: (bottom - top) * scale,
    });
  }

  unselect(): void {
    this.#selection.hidden = true;
  }

  #scale({ width }: Drawing): number {
    return this.#plot.clientWidth / width;
  }

  #add(name: string): HTMLElement {
    const part = document.createElement('div');
    part.className = name;
    part.hidden = true;
    this.#plot.append(part);
    return part;
  }

  /** Writes what a point says; texts are set as texts, so that no name in them is taken for HTML. */
  #write({ head, lines }: Target): void {
    const title = document.createElement('b');
    title.textContent = head;
    const rows = lines.map(({ colour, text }) => {
      const row = document.createElement('div');
      if (colour) {
        const key = document.createElement('i');
        key.style.background = `var(--${colour})`;
        row.append(key);
      }
      row.append(text);
      return row;
    });
    this.#box.replaceChildren(title, ...rows);
  }
}

function place(part: HTMLElement, pixels: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(pixels)) part.style.setProperty(name, `${value}px`);
}
