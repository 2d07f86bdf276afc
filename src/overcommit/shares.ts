/**
 * How machine memory is divided among guests (Waldspurger, OSDI 2002, sections 5.2 and 6): by shares, with a tax on
 * idle memory. When memory is short, a page is taken from the guest that pays the least for its pages (min-funding
 * revocation). The price that a guest with S shares pays for P pages, of which the fraction f is active, is
 *
 *   rho = S / (P · (f + k · (1 − f))),   k = 1 / (1 − tau),
 *
 * so that an idle page costs k times as much as an active one. The tax rate tau is at least 0 and less than 1.
 */

/** What the division needs to know of a guest. Amounts of memory are pages. */
export interface MemoryClient {
  /** The pages that it is guaranteed, and those that it has from its own point of view. */
  readonly minPages: number;
  readonly maxPages: number;
  readonly shares: number;
  /** The estimate of the pages that it uses actively. */
  readonly activePages: number;
}

/** Returns what a guest pays for each page when it has `pages` of them; the least payer loses the next page. */
export function pricePerPage(client: MemoryClient, pages: number, taxRate: number): number {
  if (pages <= 0) return Infinity;
  const active = Math.min(client.activePages, pages);
  return client.shares / (active + (pages - active) / (1 - taxRate));
}

/** Returns how many pages a guest can have at a price for each, between its minimum and its maximum; a fraction. */
function pagesAt(client: MemoryClient, price: number, taxRate: number): number {
  const { shares, activePages, minPages, maxPages } = client;
  // So many active pages cost as much as the guest can pay; an idle one costs as much as k of them.
  const affordable = shares / price;
  const pages =
    affordable <= activePages
      ? affordable
      : activePages + (affordable - activePages) * (1 - taxRate);
  return Math.min(maxPages, Math.max(minPages, pages));
}

/** This many halvings of the interval of prices are more than a double can tell apart. */
const HALVINGS = 200;

/**
 * Divides `pages` pages of machine memory among guests; returns the target of each, whole pages that sum to `pages` at
 * most. All have their maximum while there is enough for that; and nobody gets less than their minimum, even if the
 * minima are more than there is. The result is where min-funding revocation, page by page, comes to rest: all guests
 * that are at neither limit pay the same price.
 */
export function divideMemory(
  clients: readonly MemoryClient[],
  pages: number,
  taxRate: number,
): number[] {
  const sumAt = (price: number): number =>
    clients.reduce((sum, client) => sum + pagesAt(client, price, taxRate), 0);
  const most = clients.map(({ maxPages }) => maxPages);
  if (most.reduce((sum, max) => sum + max, 0) <= pages) return most;
  // Prices are searched by their logarithm, as shares may differ by orders of magnitude.
  let [low, high] = [-100, 100];
  for (let i = 0; i < HALVINGS && low < high; i++) {
    const middle = (low + high) / 2;
    if (sumAt(2 ** middle) > pages) low = middle;
    else high = middle;
  }
  return clients.map((client) => Math.floor(pagesAt(client, 2 ** high, taxRate) + 1e-6));
}
