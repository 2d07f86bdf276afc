import { ModelBuffer } from './shared-memory.ts';

/** Fields that never change once their object is made, and that would take long to walk. */
const CONSTANT = new Set(['layout', 'kernels', 'buffer', 'plan']);

/**
 * Writes the state of a thread down: values, and all that can be reached from objects. Functions are their text, so
 * what a closure keeps to itself is not seen. Memory of the model is left out: what lies there is known otherwise.
 */
export function fingerprint(state: readonly unknown[]): string {
  const seen = new Map<object, number>();
  const write = (value: unknown): string => {
    if (typeof value === 'function') return value.toString();
    if (typeof value !== 'object' || value === null)
      return Object.is(value, -0) ? '0' : String(value);
    const known = seen.get(value);
    if (known !== undefined) return `<${known}>`;
    seen.set(value, seen.size);
    if (value instanceof SharedArrayBuffer || value instanceof ModelBuffer) return 'buffer';
    if (ArrayBuffer.isView(value)) return `[${(value as Float64Array).join(',')}]`;
    if (value instanceof Map || value instanceof Set || Array.isArray(value)) {
      return `[${Array.from(value as Iterable<unknown>, write).join(',')}]`;
    }
    // An array of the model.
    if ((value as { buffer?: unknown }).buffer instanceof ModelBuffer && 'byteOffset' in value)
      return 'view';
    const fields = Object.entries(value).filter(([name]) => !CONSTANT.has(name));
    return `{${fields.map(([name, field]) => `${name}:${write(field)}`).join(',')}}`;
  };
  return state.map(write).join(';');
}
