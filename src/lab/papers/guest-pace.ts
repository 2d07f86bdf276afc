import { type Given, protectReportOf } from './result-of.ts';

/** The part of a guest's life, in seconds, in which its work is counted. */
export interface Span {
  readonly fromS: number;
  readonly toS: number;
}

/** Returns how many accesses a second a protected guest makes in a part of its life. */
export async function guestPace(
  loadProtection: Given['loadProtection'],
  { fromS, toS }: Span,
  sets: readonly string[],
): Promise<number> {
  const accessesBy = async (seconds: number, verify: 'full' | 'off'): Promise<number> => {
    const loaded = loadProtection([...sets, `duration=${seconds}s`, `verify=${verify}`]);
    return (await protectReportOf(loaded)).accesses;
  };
  // The shorter run is the beginning of the longer one, which is proved as a whole.
  return ((await accessesBy(toS, 'full')) - (await accessesBy(fromS, 'off'))) / (toS - fromS);
}
