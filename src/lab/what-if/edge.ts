/** Where a search has found that a condition begins to hold. */
export interface Found {
  readonly value: number;
  /** The condition held, or failed, all the way to this end of what was tried. */
  readonly isBeyond?: 'below' | 'above';
}

/** The search ends when both sides of the edge are this close. */
const CLOSE = 1.1;

/**
 * Finds the value at which a condition begins to hold: doubling or halving `start` until it changes, up to a factor of
 * `widest`, and by bisection from there on. It is taken to be false below the edge and true above it. With `isFalling` it
 * is the other way round, and the largest value is found at which it holds.
 */
export async function findEdge(
  start: number,
  widest: number,
  holds: (value: number) => Promise<boolean>,
  isFalling = false,
): Promise<Found> {
  const isAbove = async (value: number): Promise<boolean> => (await holds(value)) !== isFalling;
  const goesDown = await isAbove(start);
  let near = start;
  let far = near;
  do {
    near = far;
    far = goesDown ? near / 2 : near * 2;
    if (Math.max(far / start, start / far) > widest) {
      return { value: near, isBeyond: goesDown ? 'below' : 'above' };
    }
  } while ((await isAbove(far)) === goesDown);
  let [below, above] = goesDown ? [far, near] : [near, far];
  while (above / below > CLOSE) {
    const middle = Math.sqrt(below * above);
    if (await isAbove(middle)) above = middle;
    else below = middle;
  }
  return { value: isFalling ? below : above };
}
