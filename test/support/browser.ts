import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const PATH = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Without these, Chromium looks for updates and the like, and refuses to run as root. */
const ARGS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts Chromium. Throws an error that says how to get it when there is none. */
export async function openBrowser(): Promise<Browser> {
  if (!existsSync(PATH)) {
    throw new Error(
      `there is no Chromium at ${PATH}: install it (apt-get install chromium), or name it by CHROMIUM=/path/to/chromium`,
    );
  }
  return chromium.launch({ executablePath: PATH, args: ARGS });
}

export interface Opened {
  readonly page: Page;
  /** What the page said on its console that is an error or a warning, what it threw, and what it asked the network for. */
  readonly complaints: string[];
}

/** Opens a file in a window of its own. */
export async function openFile(
  browser: Browser,
  path: string,
  { width = 1440, theme = 'light' }: { width?: number; theme?: 'light' | 'dark' } = {},
): Promise<Opened> {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: theme,
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (request.url() !== `file://${path}`) complaints.push(`asked for ${request.url()}`);
  });
  await page.goto(`file://${path}`);
  return { page, complaints };
}
