import { type Access, ModelBuffer, port } from './shared-memory.ts';

/**
 * The typed arrays, the DataView and the `Atomics` that the program gets in the model. Over a buffer of the model they
 * hand every access to the port; over any other buffer they are the real ones.
 */

/** How an array's elements lie in the 32-bit cells of a buffer. */
interface Kind {
  readonly bytes: 1 | 4 | 8;
  readonly isSigned: boolean;
}

const KINDS = {
  Int32Array: { bytes: 4, isSigned: true },
  Uint32Array: { bytes: 4, isSigned: false },
  Uint8Array: { bytes: 1, isSigned: false },
  Float64Array: { bytes: 8, isSigned: true },
} as const satisfies Record<string, Kind>;

const SELF = Symbol('the model view behind a proxy');
const float = new DataView(new ArrayBuffer(8));

/** Where a place of one or four bytes lies: its cell, and how far its bits are shifted there. */
function accessAt(buffer: ModelBuffer, at: number, bytes: number): Access {
  if (at < 0 || at + bytes > buffer.byteLength)
    throw new RangeError(`${at} is outside of the buffer`);
  if (at % bytes !== 0) throw new RangeError(`an access of ${bytes} bytes at ${at} is not aligned`);
  const cell = buffer.firstCell + (at >>> 2);
  return bytes === 4
    ? { cell, mask: -1, shift: 0 }
    : { cell, mask: 0xff << (8 * (at & 3)), shift: 8 * (at & 3) };
}

function load(buffer: ModelBuffer, at: number, { bytes, isSigned }: Kind): number {
  if (bytes === 8) {
    float.setInt32(0, load(buffer, at, KINDS.Int32Array), true);
    float.setInt32(4, load(buffer, at + 4, KINDS.Int32Array), true);
    return float.getFloat64(0, true);
  }
  const value = port.current.load(accessAt(buffer, at, bytes), false);
  return isSigned ? value : value >>> 0;
}

function store(buffer: ModelBuffer, at: number, kind: Kind, value: number): void {
  if (kind.bytes !== 8) {
    port.current.storePlainly(accessAt(buffer, at, kind.bytes), value);
    return;
  }
  float.setFloat64(0, value, true);
  const [low, high] = [float.getInt32(0, true), float.getInt32(4, true)];
  store(buffer, at, KINDS.Int32Array, low);
  store(buffer, at + 4, KINDS.Int32Array, high);
}

/** A typed array over a buffer of the model, of which the program sees a proxy that has elements. */
class ModelArray {
  readonly buffer: ModelBuffer;
  readonly byteOffset: number;
  readonly length: number;
  readonly kind: Kind;

  constructor(kind: Kind, buffer: ModelBuffer, byteOffset = 0, length?: number) {
    this.kind = kind;
    this.buffer = buffer;
    this.byteOffset = byteOffset;
    this.length = length ?? Math.floor((buffer.byteLength - byteOffset) / kind.bytes);
  }

  get(index: number): number | undefined {
    if (index >= this.length) return undefined;
    return load(this.buffer, this.byteOffset + index * this.kind.bytes, this.kind);
  }

  put(index: number, value: number): void {
    if (index < this.length)
      store(this.buffer, this.byteOffset + index * this.kind.bytes, this.kind, value);
  }

  fill(value: number, from = 0, to = this.length): void {
    for (let i = from; i < Math.min(to, this.length); i++) this.put(i, value);
  }

  set(values: ArrayLike<number>, from = 0): void {
    for (let i = 0; i < values.length; i++) this.put(from + i, values[i]!);
  }

  access(index: number): Access {
    if (!(index >= 0 && index < this.length)) throw new RangeError(`there is no element ${index}`);
    return accessAt(this.buffer, this.byteOffset + index * this.kind.bytes, this.kind.bytes);
  }
}

const elements: ProxyHandler<ModelArray> = {
  get(target, key) {
    if (key === SELF) return target;
    if (typeof key === 'string' && /^\d+$/.test(key)) return target.get(Number(key));
    const value: unknown = Reflect.get(target, key);
    return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
  },
  set(target, key, value) {
    target.put(Number(key), value as number);
    return true;
  },
};

function arrayOf(name: keyof typeof KINDS, real: new (...given: never[]) => object): unknown {
  return new Proxy(real, {
    construct(target, given: unknown[]) {
      const [buffer, ...rest] = given;
      if (!(buffer instanceof ModelBuffer)) return Reflect.construct(target, given) as object;
      return new Proxy(
        new ModelArray(KINDS[name], buffer, ...(rest as [number?, number?])),
        elements,
      );
    },
  });
}

class ModelDataView {
  readonly #buffer: ModelBuffer;

  constructor(buffer: ModelBuffer) {
    this.#buffer = buffer;
  }

  getUint32 = (at: number): number => load(this.#buffer, at, KINDS.Uint32Array);
  getInt32 = (at: number): number => load(this.#buffer, at, KINDS.Int32Array);
  getFloat64 = (at: number): number => load(this.#buffer, at, KINDS.Float64Array);
  setUint32 = (at: number, value: number): void =>
    store(this.#buffer, at, KINDS.Int32Array, value | 0);
  setInt32 = (at: number, value: number): void => store(this.#buffer, at, KINDS.Int32Array, value);
  setFloat64 = (at: number, value: number): void =>
    store(this.#buffer, at, KINDS.Float64Array, value);
}

type Words = Int32Array | Uint8Array;

const modelOf = (array: Words): ModelArray | undefined =>
  (array as unknown as { [SELF]?: ModelArray })[SELF];

function replace(
  array: Words,
  index: number,
  name: string,
  given: readonly number[],
  next: (old: number) => number,
): number {
  const { current } = port;
  return current.replace(modelOf(array)!.access(index), { name, given, next });
}

/** The operations of `Atomics`; each of the program's is one step in the model. */
export const modelAtomics = {
  load: (array: Words, index: number): number =>
    port.current.load(modelOf(array)!.access(index), true),
  store(array: Words, index: number, value: number): number {
    port.current.store(modelOf(array)!.access(index), value);
    return value;
  },
  add: (array: Words, index: number, by: number): number =>
    replace(array, index, 'add', [by], (old) => (old + by) | 0),
  or: (array: Words, index: number, by: number): number =>
    replace(array, index, 'or', [by], (old) => old | by),
  and: (array: Words, index: number, by: number): number =>
    replace(array, index, 'and', [by], (old) => old & by),
  exchange: (array: Words, index: number, by: number): number =>
    replace(array, index, 'exchange', [by], () => by),
  compareExchange: (array: Words, index: number, from: number, to: number): number =>
    replace(array, index, 'compareExchange', [from, to], (old) => (old === from ? to : old)),
  wait: (array: Words, index: number, value: number, timeoutMs = Infinity): string =>
    port.current.wait(modelOf(array)!.access(index), value, timeoutMs),
  notify: (array: Words, index: number, count = Infinity): number =>
    port.current.notify(modelOf(array)!.access(index), count),
};

type Operation = (array: Words, ...given: number[]) => unknown;

function atomicsOf(): unknown {
  const chosen = Object.entries(modelAtomics).map(([name, model]) => {
    const real = Reflect.get(Atomics, name) as Operation;
    const choose: Operation = (array, ...given) =>
      modelOf(array) ? (model as Operation)(array, ...given) : real(array, ...given);
    return [name, choose] as const;
  });
  return Object.fromEntries(chosen);
}

/** What the program finds under these global names. */
export const modelGlobals: Readonly<Record<string, unknown>> = {
  Atomics: atomicsOf(),
  Int32Array: arrayOf('Int32Array', Int32Array),
  Uint32Array: arrayOf('Uint32Array', Uint32Array),
  Uint8Array: arrayOf('Uint8Array', Uint8Array),
  Float64Array: arrayOf('Float64Array', Float64Array),
  DataView: new Proxy(DataView, {
    construct: (target, given: unknown[]) =>
      given[0] instanceof ModelBuffer
        ? new ModelDataView(given[0])
        : (Reflect.construct(target, given) as object),
  }),
  SharedArrayBuffer: new Proxy(SharedArrayBuffer, {
    construct: (_target, [bytes]: unknown[]) => port.current.createBuffer(bytes as number),
  }),
};

/** Returns the words of a buffer of the model as the program would see them; for a test's own accesses. */
export function modelWords(buffer: SharedArrayBuffer): Int32Array {
  return new (modelGlobals['Int32Array'] as Int32ArrayConstructor)(buffer);
}
