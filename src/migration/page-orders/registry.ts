import { pageOrderKind, type PageOrderKind } from '../spec/kinds.ts';
import { bubbling } from './bubbling.ts';
import { follow, linear, twiceOrder } from './cursor.ts';

/** Every page order that a scenario may name. A new one is its file and a line here. */
export const PAGE_ORDERS = [follow, linear, bubbling] as const;

/** For tests, which set it in a spec; no scenario can name it. */
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

/** Throws when there is no order of that name, which a checked spec never has. */
export function pageOrderNamed(name: string): PageOrderKind {
  const kind = BY_NAME.get(name);
  if (!kind) throw new Error(`there is no page order ${name}`);
  return kind;
}
