import { PATTERN_ZIPF } from '../../memory/kernels/abi.ts';
import {
  list,
  map,
  optional,
  positiveDuration,
  rate,
  required,
  type ValuesOf,
  whole,
} from '../../units/keys.ts';
import { parseDuration } from '../../units/duration.ts';
import { parseRate } from '../../units/rate.ts';
import { type DirtyPoint, fitDirtyVector, vectorProblems } from '../dirty-vector.ts';
import { PACED_BY_FIT, patternKind } from './kind.ts';

const POINT_KEYS = {
  after: required(positiveDuration, { about: 'for how long dirty pages were counted' }),
  pages: optional(whole(0, Number.MAX_SAFE_INTEGER), {
    about: 'how many distinct pages were dirtied in that time',
  }),
  rate: optional(rate, {
    about: "in place of pages: the dirty rate over that time, such as QEMU's dirty-rate in MiB/s",
  }),
};

/** QEMU gives whole MiB/s, rounded down (migration/dirtyrate.c, do_calculate_dirtyrate). */
const ROUNDING = 1024 * 1024;

export type WrittenPoint = ValuesOf<typeof POINT_KEYS>;

/** Returns the points of a vector as numbers of pages of `pageSize` bytes. */
export function pointsOf(written: readonly WrittenPoint[], pageSize: number): DirtyPoint[] {
  return written.map(({ after, pages, rate: bytes }) => {
    const afterNs = parseDuration(after);
    if (pages !== undefined) return { afterNs, pages };
    const pagesAt = (bytesPerSecond: number): number =>
      Math.round((bytesPerSecond * afterNs) / 1e9 / pageSize);
    return { afterNs, pages: pagesAt(parseRate(bytes!)), slackPages: pagesAt(ROUNDING) };
  });
}

/** The pattern of a guest of which only its dirty rate over several periods is known. */
export const dirtyVector = patternKind({
  name: 'dirty-vector',
  about:
    'Groups of pages are visited at rates of their own, which dirty as many distinct pages over time as was measured.',
  // Its pages have weights in an alias table, as those of zipf have.
  kernel: PATTERN_ZIPF,
  keys: {
    points: required(
      list(map(POINT_KEYS), 'expected a list of points, each with after and pages'),
      {
        about: 'dirty pages after two times or more, as calc-dirty-rate gives them',
      },
    ),
  },
  pace: PACED_BY_FIT,
  pattern: ({ points }, { pages, pageSize }) => ({
    kind: 'dirty-vector',
    groups: fitDirtyVector(pointsOf(points, pageSize), pages).groups,
  }),
  problems({ points }, { pages, pageSize }) {
    const unclear = points.flatMap(({ pages: count, rate: bytes }, point) => {
      if ((count === undefined) !== (bytes === undefined)) return [];
      const sentence = 'expected either pages or rate beside after';
      return [{ path: ['points', point], sentence }];
    });
    if (unclear.length > 0) return unclear;
    return vectorProblems(pointsOf(points, pageSize), pages).map(({ point, what, sentence }) => {
      if (points.length < 2) return { path: ['points'], sentence };
      const key = what === 'pages' && points[point]!.pages === undefined ? 'rate' : what;
      return { path: ['points', point, key], sentence };
    });
  },
});
