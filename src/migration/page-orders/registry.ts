import { pageOrderKind, type PageOrderKind } from '../spec/kinds.ts';
import { bubbling } from './bubbling.ts';
import { follow, linear, twiceOrder } from './cursor.ts';

/** All page orders that a scenario may name. To add one, write its file and add a line here. */
export const PAGE_ORDERS = [follow, linear, bubbling] as const;

/** This order is for tests, which set it in a spec; a scenario can't name it. */
const twice = pageOrderKind({
  name: 'twice',
  about: 'Sends some pages twice.',
  keys: {},
  resolve: () => ({}),
  order: () => twiceOrder(),
});

export type PageOrderName = (typeof PAGE_ORDERS)[number]['name'] | 'twice';

const BY_NAME: ReadonlyMap<string, PageOrderKind> = new Map(
  [...PAGE_ORDERS, twice].map((kind) => [kind.name, kind as PageOrderKind]),
);

/** Returns the page order of a name. Throws if there is none, which can't happen with a checked spec. */
export function pageOrderNamed(name: string): PageOrderKind {
  const kind = BY_NAME.get(name);
  if (!kind) throw new Error(`there is no page order ${name}`);
  return kind;
}
