import { readFileSync } from 'node:fs';
import type { Kernels } from './kernels.ts';

/** src/memory/kernels and dist/memory/kernels lie equally deep, so one path serves both. */
const WASM_FILE = new URL('../../../src/memory/kernels/kernels.wasm', import.meta.url);

let compiled: WebAssembly.Module | undefined;
const loaded = new WeakMap<WebAssembly.Memory, Kernels>();

/**
 * Returns the WASM kernels over `memory`, which is shared and has at most 65 536 WASM pages. They are compiled once a
 * thread. A memory always gets the same instance, since V8 optimises a call less well whose function often changes.
 */
export function loadKernels(memory: WebAssembly.Memory): Kernels {
  const known = loaded.get(memory);
  if (known) return known;
  const kernels = instantiate(memory);
  loaded.set(memory, kernels);
  return kernels;
}

function instantiate(memory: WebAssembly.Memory): Kernels {
  compiled ??= new WebAssembly.Module(readFileSync(WASM_FILE));
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  const raw = exports as unknown as Omit<Kernels, 'isZero'> & {
    isZero(at: number, bytes: number): number;
  };
  return {
    nextGfns: raw.nextGfns,
    touch: raw.touch,
    runUntil: raw.runUntil,
    markFresh: raw.markFresh,
    countPlain: raw.countPlain,
    noteReferences: raw.noteReferences,
    mergeAndClearBytes: raw.mergeAndClearBytes,
    merge: raw.merge,
    mergeAndClear: raw.mergeAndClear,
    mergeAndClearAtomic: raw.mergeAndClearAtomic,
    popcount: raw.popcount,
    takeRuns: raw.takeRuns,
    listRuns: raw.listRuns,
    isZero: (at, bytes) => raw.isZero(at, bytes) !== 0,
    zeroMask: raw.zeroMask,
    clearPages: raw.clearPages,
    hashPages: raw.hashPages,
    firstWrongHash: raw.firstWrongHash,
    firstDifference: raw.firstDifference,
    pageHash: raw.pageHash,
  };
}
