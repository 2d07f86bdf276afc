import type { RunResult } from './schema.ts';
import { formatSize, trimNumber } from '../units/size.ts';

const percent = (part: number, whole: number): string => `${trimNumber((100 * part) / whole)} %`;

/** Says which part of a guest's pages made most of what was sent again, and where; needs a result that has `pages`. */
export function sentAgainSentences({ pages, ram }: Pick<RunResult, 'pages' | 'ram'>): string[] {
  const { times, hotPages, hotShare } = pages!.sentAgain;
  if (times === 0) return ['no page was sent again'];
  const allPages = ram.total / ram.pageSize;
  const most =
    `${percent(hotPages, allPages)} of the pages make ${percent(hotShare, 1)} ` +
    `of the ${formatSize(times * ram.pageSize)} that were sent again`;
  const [hottest] = pages!.hottest;
  // A range that is hardly hotter than the whole guest is no place to look at.
  const isHot = hottest && hottest.sentAgainTimes / times > 1.5 * (hottest.pages / allPages);
  if (!isHot) return [most];
  const { firstGfn, sentAgainTimes } = hottest;
  const end = firstGfn + hottest.pages;
  return [
    most,
    `the hottest range, gfn ${firstGfn} to ${end - 1} (${formatSize(firstGfn * ram.pageSize)} to ` +
      `${formatSize(end * ram.pageSize)}), has ` +
      `${percent(hottest.pages, allPages)} of the pages and ${percent(sentAgainTimes, times)} of that`,
  ];
}
