/** Where a search has found that a condition begins to hold. */
export interface Found {
  readonly value: number;
  /** The condition held, or failed, all the way to this end of what was tried. */
  readonly isBeyond?: 'below' | 'above';
}

/** The search ends when both sides of the edge are this close. */
const CLOSE = 1.1;

/**
 * Finds by bisection, of the values from `low` to `high`, the least at which `holds` is true; it is taken to be false
 * below the edge and true above it. With `isFalling` it is the other way round, and the largest one is found.
 */
export async function findEdge(
  low: number,
  high: number,
  holds: (value: number) => Promise<boolean>,
  isFalling = false,
): Promise<Found> {
  const isAbove = async (value: number): Promise<boolean> => (await holds(value)) !== isFalling;
  if (await isAbove(low)) return { value: low, isBeyond: 'below' };
  if (!(await isAbove(high))) return { value: high, isBeyond: 'above' };
  let [below, above] = [low, high];
  while (above / below > CLOSE) {
    const middle = Math.sqrt(below * above);
    if (await isAbove(middle)) above = middle;
    else below = middle;
  }
  return { value: isFalling ? below : above };
}
