/** Returns the first multiple of a period after a time; Infinity without a period. */
export function multipleAfter(ns: number, periodNs: number | undefined): number {
  return periodNs === undefined ? Infinity : (Math.floor(ns / periodNs) + 1) * periodNs;
}
