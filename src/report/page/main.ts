import type { Figure } from '../html/chart/figure.ts';
import { LiveChart } from './live-chart.ts';
import { armTables } from './tables.ts';
import { armTheme } from './theme.ts';

/** Makes a page live: charts that follow the window, the pointer and the keyboard, tables, the theme, copying. */
function start(): void {
  const data = document.getElementById('figures')?.textContent ?? '[]';
  const figures = new Map((JSON.parse(data) as Figure[]).map((figure) => [figure.id, figure]));
  const charts = [...document.querySelectorAll<HTMLElement>('figure[data-figure]')].flatMap(
    (place) => {
      const figure = figures.get(place.dataset['figure'] ?? '');
      return figure ? [new LiveChart(place, figure)] : [];
    },
  );
  const widths = new ResizeObserver((entries) => {
    for (const { target } of entries) charts.find(({ plot }) => plot === target)?.fitWindow();
  });
  for (const chart of charts) widths.observe(chart.plot);
  // Paper has another width than the window.
  globalThis.addEventListener('beforeprint', () => {
    for (const chart of charts) chart.fitPaper();
  });
  globalThis.addEventListener('afterprint', () => {
    for (const chart of charts) chart.leavePaper();
  });
  armTables();
  armTheme();
  armCopying();
}

/** Makes the buttons beside texts copy them. */
function armCopying(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>('button.copy')) {
    button.hidden = false;
    const text = button.closest('.code')?.querySelector('pre');
    if (text) button.addEventListener('click', () => void copy(text, button));
  }
}

/** Copies a text; where the clipboard is not to be had, the text is selected. */
async function copy(text: HTMLElement, button: HTMLButtonElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(text.textContent ?? '');
    button.textContent = 'Copied';
  } catch {
    getSelection()?.selectAllChildren(text);
    button.textContent = 'Selected';
  }
}

start();
