import { draw } from '../html/chart/draw.ts';
import type { Drawing, Figure, Paint, Target, View } from '../html/chart/figure.ts';
import { px } from '../html/chart/svg.ts';
import { Tip } from './tip.ts';

const paint: Paint = (colour) => `var(--${colour})`;
/** The width of a printed page in pixels, less its margins. */
const PAPER_PX = 680;
/** A pointer that is dragged over fewer pixels than this has clicked. */
const LEAST_DRAG_PX = 6;

/**
 * A chart that is drawn for the width that it has, says what it shows where the pointer or the arrow keys are, and
 * zooms to a part of its x axis: by dragging over it, by the buttons, or by + and -.
 */
export class LiveChart {
  readonly plot: HTMLElement;
  readonly #figure: Figure;
  readonly #buttons: Readonly<Record<string, HTMLButtonElement | undefined>>;
  readonly #tip: Tip;
  #width = 0;
  #view: View | undefined;
  #whole: View;
  #drawing: Drawing;
  #target: Target | undefined;
  #dragFrom: number | undefined;
  #isOnPaper = false;

  constructor(place: HTMLElement, figure: Figure) {
    this.#figure = figure;
    this.plot = place.querySelector<HTMLElement>('.plot')!;
    this.#tip = new Tip(this.plot, place.querySelector<HTMLElement>('[aria-live]')!);
    const tools = place.querySelector<HTMLElement>('.tools')!;
    tools.hidden = false;
    this.#buttons = Object.fromEntries(
      [...tools.querySelectorAll('button')].map((button) => [button.dataset['zoom'], button]),
    );
    this.#drawing = this.#drawAt(this.#widthNow());
    this.#whole = this.#drawing.view;
    this.#buttons['in']?.addEventListener('click', () => this.#zoom(0.5));
    this.#buttons['out']?.addEventListener('click', () => this.#zoom(2));
    this.#buttons['all']?.addEventListener('click', () => this.#show(undefined));
    this.#listen();
  }

  /** Draws the chart for the width that the window gives it. */
  fitWindow(): void {
    const width = this.#widthNow();
    if (width > 0 && width !== this.#width && !this.#isOnPaper) this.#redraw(width);
  }

  /** Draws the chart for paper. */
  fitPaper(): void {
    this.#leave();
    this.#isOnPaper = true;
    this.#redraw(PAPER_PX);
  }

  /** Draws the chart for the window again. */
  leavePaper(): void {
    this.#isOnPaper = false;
    this.fitWindow();
  }

  #widthNow(): number {
    return Math.round(this.plot.clientWidth);
  }

  #listen(): void {
    const { plot } = this;
    plot.addEventListener('pointermove', (event) => this.#onMove(event));
    plot.addEventListener('pointerdown', (event) => this.#onDown(event));
    plot.addEventListener('pointerup', (event) => this.#onUp(event));
    plot.addEventListener('pointerleave', () => this.#leave());
    plot.addEventListener('pointercancel', () => this.#leave());
    plot.addEventListener('dblclick', () => this.#show(undefined));
    plot.addEventListener('keydown', (event) => this.#onKey(event));
    plot.addEventListener('blur', () => this.#leave());
  }

  #drawAt(width: number): Drawing {
    this.#width = width;
    const drawing = draw(
      this.#figure,
      Math.max(240, width),
      paint,
      `live-${this.#figure.id}`,
      this.#view,
    );
    const svg = this.plot.querySelector('svg')!;
    svg.setAttribute('viewBox', `0 0 ${px(drawing.width)} ${px(drawing.height)}`);
    svg.innerHTML = drawing.body;
    return drawing;
  }

  #redraw(width: number): void {
    this.#drawing = this.#drawAt(width);
    this.#target = undefined;
    this.#tip.hide();
  }

  /** Shows a part of the x axis, or all of it. */
  #show(view: View | undefined): void {
    this.#view = view;
    this.#redraw(this.#width);
    this.plot.dataset['zoomed'] = String(view !== undefined);
    const all = this.#buttons['all'];
    if (all) all.disabled = view === undefined;
  }

  /** Makes the part that is shown larger or smaller by a factor, around the point that is read, or the middle. */
  #zoom(factor: number): void {
    const { left, right } = this.#drawing.plot;
    const centre = this.#target?.x ?? (left + right) / 2;
    const half = ((right - left) * factor) / 2;
    this.#showPixels(centre - half, centre + half);
  }

  #showPixels(from: number, to: number): void {
    const { from: low, to: high } = this.#whole;
    const [start, end] = [this.#valueAt(from), this.#valueAt(to)];
    if (start <= low && end >= high) return this.#show(undefined);
    const view = { from: Math.max(low, start), to: Math.min(high, end) };
    if (view.to > view.from) this.#show(view);
  }

  #valueAt(pixel: number): number {
    const { plot, view } = this.#drawing;
    const share = (pixel - plot.left) / (plot.right - plot.left);
    if (!this.#figure.x.isLog) return view.from + share * (view.to - view.from);
    return view.from * (view.to / view.from) ** share;
  }

  /** Returns the place of a pointer in pixels of the drawing. */
  #placeOf(event: PointerEvent): { x: number; y: number } {
    const box = this.plot.getBoundingClientRect();
    const scale = this.#drawing.width / box.width;
    return { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
  }

  #onMove(event: PointerEvent): void {
    const { x, y } = this.#placeOf(event);
    if (this.#dragFrom !== undefined && Math.abs(x - this.#dragFrom) >= LEAST_DRAG_PX) {
      this.#tip.select(this.#dragFrom, x, this.#drawing);
      return;
    }
    this.#read(this.#nearest(x, y), false);
  }

  #onDown(event: PointerEvent): void {
    // A finger that moves scrolls the page; it reads a point when it is put down.
    if (event.pointerType === 'touch') return this.#onMove(event);
    if (event.button !== 0) return;
    this.#dragFrom = this.#placeOf(event).x;
    this.plot.setPointerCapture(event.pointerId);
  }

  #onUp(event: PointerEvent): void {
    const from = this.#dragFrom;
    this.#dragFrom = undefined;
    this.#tip.unselect();
    if (from === undefined) return;
    const { x } = this.#placeOf(event);
    if (Math.abs(x - from) >= LEAST_DRAG_PX) this.#showPixels(Math.min(from, x), Math.max(from, x));
  }

  #nearest(x: number, y: number): Target | undefined {
    let best: Target | undefined;
    let least = Infinity;
    // Points of lines are found by their x alone, as one reads all lines there at once.
    const weight = this.#figure.kind === 'xy' && !this.#isLoose ? 0 : 1;
    for (const target of this.#drawing.targets) {
      const distance = Math.hypot(target.x - x, weight * (target.y - y));
      if (distance < least) [best, least] = [target, distance];
    }
    return best;
  }

  get #isLoose(): boolean {
    const { targets, plot } = this.#drawing;
    return targets.some(({ y }) => y !== plot.top);
  }

  #read(target: Target | undefined, isSpoken: boolean): void {
    if (!target) return this.#leave();
    this.#target = target;
    this.#tip.show(target, this.#drawing, this.#figure.kind === 'xy' && !this.#isLoose, isSpoken);
  }

  #leave(): void {
    this.#target = undefined;
    this.#dragFrom = undefined;
    this.#tip.hide();
  }

  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = this.#actOf(event.key);
    if (!act) return;
    event.preventDefault();
    act();
  }

  #actOf(key: string): (() => void) | undefined {
    switch (key) {
      case 'ArrowRight':
        return () => this.#walk(1);
      case 'ArrowLeft':
        return () => this.#walk(-1);
      case 'ArrowDown':
      case 'ArrowUp':
        return this.#figure.kind === 'xy'
          ? undefined
          : () => this.#climb(key === 'ArrowDown' ? 1 : -1);
      case 'Home':
        return () => this.#read(this.#drawing.targets[0], true);
      case 'End':
        return () => this.#read(this.#drawing.targets.at(-1), true);
      case '+':
      case '=':
        return () => this.#zoom(0.5);
      case '-':
        return () => this.#zoom(2);
      case '0':
        return () => this.#show(undefined);
      case 'Escape':
        return () => this.#leave();
      default:
        return undefined;
    }
  }

  /** Goes to the next point, or to the one before. */
  #walk(step: number): void {
    const { targets } = this.#drawing;
    const at = this.#target ? targets.indexOf(this.#target) : step > 0 ? -1 : targets.length;
    this.#read(targets[Math.max(0, Math.min(targets.length - 1, at + step))], true);
  }

  /** Goes to the nearest point of the next row, or of the one before. */
  #climb(step: number): void {
    const here = this.#target;
    if (!here) return this.#walk(step);
    const beyond = this.#drawing.targets.filter(({ y }) => Math.sign(y - here.y) === step);
    const rowY = step * Math.min(...beyond.map(({ y }) => step * y));
    const row = beyond.filter(({ y }) => y === rowY);
    const next = row.toSorted((a, b) => Math.abs(a.x - here.x) - Math.abs(b.x - here.x))[0];
    if (next) this.#read(next, true);
  }
}
