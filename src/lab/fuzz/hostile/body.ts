import { Packr } from 'msgpackr';
import type { Generator } from '../../../random/generator.ts';

const packr = new Packr({ useRecords: false });
const NUMBERS = [0, 1, -1, 0.5, 2 ** 31, 2 ** 32, 2 ** 53 - 1, 2 ** 53, 1e300, Infinity, NaN];

/** A place in a body whose value can be replaced. */
interface Leaf {
  readonly holder: Record<string, unknown>;
  readonly key: string;
}

/**
 * Changes one value of a packed message so that the message still is one: a number becomes another, a list gets or loses
 * an element, a truth is turned round, a field goes. Returns undefined if it is not packed.
 */
export function changeBody(random: Generator, packed: Uint8Array): Uint8Array | undefined {
  let body: unknown;
  try {
    body = packr.unpack(Buffer.from(packed));
  } catch {
    return undefined;
  }
  const leaves: Leaf[] = [];
  collect(body, leaves);
  if (leaves.length === 0) return undefined;
  const { holder, key } = leaves[random.below(leaves.length)]!;
  if (random.below(12) === 0) Reflect.deleteProperty(holder, key);
  else holder[key] = changed(random, holder[key]);
  return packr.pack(body);
}

function collect(value: unknown, into: Leaf[]): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  for (const key of Object.keys(value)) {
    const holder = value as Record<string, unknown>;
    into.push({ holder, key });
    collect(holder[key], into);
  }
}

function changed(random: Generator, value: unknown): unknown {
  if (typeof value === 'number') {
    return random.below(2) === 0
      ? NUMBERS[random.below(NUMBERS.length)]
      : value + random.below(3) - 1;
  }
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'string') return random.below(2) === 0 ? '' : value.repeat(40);
  if (value instanceof Uint8Array) return value.slice(0, random.below(value.length + 1));
  if (!Array.isArray(value)) return null;
  const list: unknown[] = [...(value as unknown[])];
  const at = random.below(list.length + 1);
  if (random.below(2) === 0) list.splice(at, 1);
  else list.splice(at, 0, list[at] ?? 0);
  return list;
}
