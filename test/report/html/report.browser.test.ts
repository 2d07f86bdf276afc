import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportHtml } from '../../../src/report/html/page.ts';
import { openBrowser, openFile } from '../../support/browser.ts';
import { sampleReports } from './samples.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const MOST_BYTES = 1.5e6;
const WIDTHS = [360, 768, 1440];
const BACKGROUND = 'getComputedStyle(document.body).backgroundColor';

let browser: Browser;
let folder: string;
/** The paths of the reports by what they report on. */
const files = new Map<string, string>();

beforeAll(async () => {
  browser = await openBrowser();
  folder = mkdtempSync(join(tmpdir(), 'pageferry-browser-'));
  for (const [name, report] of Object.entries(await sampleReports())) {
    const path = join(folder, `${name}.html`);
    writeFileSync(path, reportHtml(report));
    files.set(name, path);
  }
});

afterAll(async () => {
  await browser?.close();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

/** Runs a check on every report, and returns what it complains of by the reports' names. */
async function onAll(check: (path: string) => Promise<readonly string[]>): Promise<string[]> {
  const found: string[] = [];
  for (const [name, path] of files) {
    for (const complaint of await check(path)) found.push(`${name}: ${complaint}`);
  }
  expect(files.size).toBeGreaterThan(0);
  return found;
}

describe('every report', () => {
  it('is smaller than 1.5 MB', async () => {
    expect(
      await onAll(async (path) =>
        statSync(path).size < MOST_BYTES ? [] : [`${statSync(path).size}`],
      ),
    ).toEqual([]);
  });

  it('complains of nothing, asks for nothing, and fits narrow and wide windows', async () => {
    const found = await onAll(async (path) => {
      const all: string[] = [];
      for (const width of WIDTHS) {
        const { page, complaints } = await openFile(browser, path, { width });
        const beyond = await page.evaluate<number>(
          'document.documentElement.scrollWidth - document.documentElement.clientWidth',
        );
        if (beyond > 0) complaints.push(`is ${beyond} px too wide at ${width} px`);
        all.push(...complaints);
        await page.context().close();
      }
      return all;
    });
    expect(found).toEqual([]);
  });

  it('can be read by everybody: no serious finding of axe, in light and in dark', async () => {
    const found = await onAll(async (path) => {
      const all: string[] = [];
      for (const theme of ['light', 'dark'] as const) {
        const { page } = await openFile(browser, path, { theme });
        await page.evaluate(
          "document.querySelectorAll('details').forEach((one) => { one.open = true; })",
        );
        all.push(...(await seriousFindings(page)).map((finding) => `${theme}: ${finding}`));
        await page.context().close();
      }
      return all;
    });
    expect(found).toEqual([]);
  });

  it('draws its charts anew for the window, from the same data as before', async () => {
    const found = await onAll(async (path) => {
      const { page } = await openFile(browser, path, { width: 700 });
      const widths = await page.$$eval('.plot', (plots) =>
        plots.map((plot) => [
          plot.clientWidth,
          Number(plot.querySelector('svg')!.getAttribute('viewBox')!.split(' ')[2]),
        ]),
      );
      await page.context().close();
      return widths
        .filter(([is, drawn]) => is !== drawn)
        .map((pair) => pair.join(' is drawn for '));
    });
    expect(found).toEqual([]);
  });
});

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly impact?: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

async function seriousFindings(page: Page): Promise<string[]> {
  // A report's own policy lets no other script in, so axe comes by the debugger's way.
  await page.evaluate(AXE);
  const { violations } = (await page.evaluate('axe.run()')) as AxeResults;
  return violations
    .filter(({ impact = '' }) => ['serious', 'critical'].includes(impact))
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .slice(0, 3)
          .map(({ html }) => html.slice(0, 160))
          .join(' | ')}`,
    );
}

describe('a chart', () => {
  it('says what its points are to the keyboard', async () => {
    const { page } = await openFile(browser, files.get('precopy')!);
    const plot = page.locator('figure[data-figure=migration] .plot');
    await plot.focus();
    const said = page.locator('figure[data-figure=migration] [aria-live]');
    await page.keyboard.press('ArrowRight');
    const first = await said.textContent();
    await page.keyboard.press('ArrowRight');
    const second = await said.textContent();
    expect(first).toMatch(/^time since the start of the migration: .*accesses of the guest: /);
    expect(second).not.toBe(first);
    await page.keyboard.press('ArrowLeft');
    expect(await said.textContent()).toBe(first);
    await page.keyboard.press('End');
    expect(await said.textContent()).not.toBe(second);
    expect(await page.locator('figure[data-figure=migration] .tip').isVisible()).toBe(true);
    await page.keyboard.press('Escape');
    expect(await page.locator('figure[data-figure=migration] .tip').isVisible()).toBe(false);
    await page.context().close();
  });

  it('zooms by its buttons, by keys and by dragging, and shows all again', async () => {
    const { page } = await openFile(browser, files.get('precopy')!);
    const figure = page.locator('figure[data-figure=migration]');
    const ticks = (): Promise<string> =>
      figure
        .locator('svg text[text-anchor=middle]')
        .allTextContents()
        .then((all) => all.join(' '));
    const whole = await ticks();
    await figure.locator('[data-zoom=in]').click();
    const closer = await ticks();
    expect(closer).not.toBe(whole);
    await figure.locator('.plot').focus();
    await page.keyboard.press('+');
    expect(await ticks()).not.toBe(closer);
    await page.keyboard.press('0');
    expect(await ticks()).toBe(whole);
    const box = (await figure.locator('.plot').boundingBox())!;
    await page.mouse.move(box.x + 200, box.y + 100);
    await page.mouse.down();
    await page.mouse.move(box.x + 400, box.y + 100, { steps: 4 });
    await page.mouse.up();
    expect(await ticks()).not.toBe(whole);
    await figure.locator('[data-zoom=all]').click();
    expect(await ticks()).toBe(whole);
    await page.context().close();
  });

  it('says what is under the pointer, as text', async () => {
    const { page } = await openFile(browser, files.get('precopy')!);
    const figure = page.locator('figure[data-figure=downtime-parts]');
    await figure.scrollIntoViewIfNeeded();
    const box = (await figure.locator('.plot rect').last().boundingBox())!;
    await page.mouse.move(box.x + 1, box.y + box.height / 2);
    expect(await figure.locator('.tip').textContent()).toMatch(/^downtime/);
    expect(await page.evaluate(() => 'isBroken' in globalThis)).toBe(false);
    await page.context().close();
  });
});

describe('a table of runs', () => {
  it('shows the rows that have all words and fit all comparisons, and sorts them', async () => {
    const { page } = await openFile(browser, files.get('sweep')!);
    const table = page.locator('.filterable');
    const shown = table.locator('tbody tr:visible');
    const all = await shown.count();
    await table.locator('input').fill('postcopy downtimeMs<50');
    expect(await table.locator('output').textContent()).toBe(`3 of ${all}`);
    expect(await shown.count()).toBe(3);
    await table.locator('input').fill('');
    const head = table.locator('th', { hasText: 'downtimeMs' });
    await head.locator('button').click();
    await head.locator('button').click();
    expect(await head.getAttribute('aria-sort')).toBe('descending');
    expect(await shown.first().textContent()).toContain('203');
    await page.context().close();
  });
});

describe('a heat map', () => {
  it('is walked through in both directions', async () => {
    const { page } = await openFile(browser, files.get('precopy')!);
    const figure = page.locator('figure[data-figure=pages-sent]');
    const said = figure.locator('[aria-live]');
    await figure.locator('.plot').focus();
    await page.keyboard.press('ArrowRight');
    expect(await said.textContent()).toMatch(/^round 1, 0 to \d+, pages sent: \d+$/);
    await page.keyboard.press('ArrowDown');
    expect(await said.textContent()).toMatch(/^round (?:2|stop), 0 to /);
    await page.context().close();
  });
});

describe('a page', () => {
  it('changes between the themes by its button', async () => {
    const { page } = await openFile(browser, files.get('precopy')!, { theme: 'light' });
    const background = (): Promise<string> => page.evaluate<string>(BACKGROUND);
    const light = await background();
    const button = page.locator('button.theme');
    await button.click();
    expect(await background()).toBe(light);
    await button.click();
    expect(await background()).not.toBe(light);
    await page.context().close();
  });

  it('prints on light paper, without what can only be clicked, and as wide as the paper', async () => {
    const { page } = await openFile(browser, files.get('precopy')!, { theme: 'dark' });
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    await page.evaluate("dispatchEvent(new Event('beforeprint'))");
    expect(await page.evaluate<string>(BACKGROUND)).toBe('rgb(255, 255, 255)');
    expect(await page.locator('button:visible').count()).toBe(0);
    expect(
      await page.locator('figure[data-figure=migration] .plot svg').getAttribute('viewBox'),
    ).toMatch(/^0 0 680 /);
    const pdf = await page.pdf({ format: 'A4' });
    expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    await page.context().close();
  });

  it('is whole without its script', async () => {
    const context = await browser.newContext({
      javaScriptEnabled: false,
      viewport: { width: 360, height: 800 },
    });
    const page = await context.newPage();
    await page.goto(`file://${files.get('precopy')!}`);
    expect(await page.locator('.plot svg path').count()).toBeGreaterThan(10);
    expect(await page.locator('button:visible').count()).toBe(0);
    await context.close();
  });
});
