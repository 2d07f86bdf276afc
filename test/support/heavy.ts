/**
 * Whether tests that take minutes are to run as well: `PAGEFERRY_HEAVY=1 npm run test:long`. What they check has a smaller
 * sample among the other tests.
 */
export const isHeavy = process.env['PAGEFERRY_HEAVY'] === '1';
