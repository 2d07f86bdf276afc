import { dirtyVector } from './dirty-vector.ts';
import { hotspot } from './hotspot.ts';
import type { PatternKind } from './kind.ts';
import { quicksort } from './quicksort.ts';
import { sequential } from './sequential.ts';
import { stride } from './stride.ts';
import { trace } from './trace.ts';
import { uniform } from './uniform.ts';
import { zipf } from './zipf.ts';

/** All patterns of workloads. A new one takes a file of its own and a line here. */
export const PATTERNS = [
  sequential,
  uniform,
  zipf,
  hotspot,
  stride,
  quicksort,
  dirtyVector,
  trace,
] as const;

export type PatternName = (typeof PATTERNS)[number]['name'];

const BY_NAME: ReadonlyMap<string, PatternKind> = new Map(
  PATTERNS.map((kind) => [kind.name, kind as PatternKind]),
);

/** Returns the pattern of a name. Throws when there is none, which can't happen for a checked workload. */
export function patternNamed(name: PatternName): PatternKind {
  const kind = BY_NAME.get(name);
  if (!kind) throw new Error(`there is no pattern of the name ${name}`);
  return kind;
}
