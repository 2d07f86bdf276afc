// The hot loops of guest memory, compiled to kernels.wasm (see `npm run build:wasm`).

export { countPlain, markFresh, noteReferences, touch } from './access';
export {
  listRuns,
  merge,
  mergeAndClear,
  mergeAndClearAtomic,
  mergeAndClearBytes,
  popcount,
  takeRuns,
} from './bits';
export { runUntil } from './batches';
export { nextGfns } from './next-gfns';
export {
  clearPages,
  firstDifference,
  firstWrongHash,
  hashPages,
  isZero,
  pageHash,
  zeroMask,
} from './page';
