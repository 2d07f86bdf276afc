// The hot loops of guest memory, compiled to kernels.wasm (see `npm run build:wasm`).

export { nextGfns, touch } from './access';
export { mergeAndClear, mergeAndClearAtomic, popcount, takeRuns } from './bits';
export { firstDifference, isZero, pageHash } from './page';
