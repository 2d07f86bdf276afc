import { formatDuration } from '../../units/duration.ts';
import { formatByteRate } from '../../units/rate.ts';
import { formatSize } from '../../units/size.ts';
import type { MeasuredRate } from './facts.ts';
import { FULL_SHARE } from './growth.ts';
import type { WholeFacts } from './scenario.ts';
import { areOneGuest, countedMs, observe, PAGE, RING_PERIOD_MS, usedRates } from './observation.ts';

/** A rate of whole MiB/s that is lower than this is coarse. */
const COARSE = 10 * 2 ** 20;
const period = (ms: number): string => formatDuration(ms * 1e6);

/** Says of what was measured how far it can be trusted, and what was made of it. */
export function trustIn(facts: WholeFacts): string[] {
  const rates = facts.rates ?? [];
  const used = usedRates(rates);
  const memoryPages = Math.floor(Math.min(facts.usedBytes ?? Infinity, facts.memoryBytes) / PAGE);
  const isVector = areOneGuest(used, memoryPages);
  return [
    ...(used.length === 1 ? oneRate(used[0]!, facts) : []),
    ...(isVector
      ? [
          `Rates over ${used.length} periods were measured, and all guests reproduce them; beyond ${period(countedMs(used.at(-1)!))} they grow on as the fit has it.`,
          ...(observe(used[0]!).pages >= FULL_SHARE * observe(used.at(-1)!).pages
            ? [
                `All pages were dirty after ${period(countedMs(used[0]!))} already, so the guest may write up to 64 times as fast as that: measure over a shorter period.`,
              ]
            : []),
        ]
      : []),
    ...(used.length > 1 && !isVector
      ? [
          'The rates over several periods can not be those of one steady guest (a longer period never has fewer dirty pages, nor more than in proportion), so each guest reproduces one of them: the VM changed between the measurements, so measure again.',
        ]
      : []),
    ...(used.length > 0 && used.length < rates.length && !used.some((one) => one.isPeriodEstimated)
      ? rates.some((one) => one.isPeriodEstimated)
        ? [
            'Rates that a migration reported of itself were left out, since their period is not known and others have one.',
          ]
        : []
      : []),
    ...used.flatMap((rate) => aboutRate(rate, facts)),
    ...(facts.usedBytes === undefined
      ? [
          'All memory counts as in use. Say --used if much of it has never been written: zero pages are hardly sent.',
        ]
      : []),
  ];
}

function oneRate(rate: MeasuredRate, facts: WholeFacts): string[] {
  const { pages, seconds } = observe(rate);
  const said = `${formatByteRate(rate.bytesPerSecond)} over ${period(seconds * 1000)}`;
  const dirtied = formatSize(pages * PAGE);
  if (facts.workingSetBytes === undefined) {
    return [
      `${said} says that ${dirtied} of distinct pages were dirtied in that time, and nothing of how many there are: working sets from ${dirtied} to ${formatSize(Math.min(facts.usedBytes ?? Infinity, facts.memoryBytes))} were assumed. A second rate over another period, such as 10 s, or --working-set would narrow the answer.`,
    ];
  }
  if (pages * PAGE > 1.02 * facts.workingSetBytes) {
    return [
      `${said} is ${dirtied} of distinct pages, which is more than the working set of ${formatSize(facts.workingSetBytes)}: one of the two is wrong, and the working set was believed.`,
    ];
  }
  if (pages * PAGE >= FULL_SHARE * facts.workingSetBytes) {
    return [
      `${said} is all of the working set, so the guest may write faster than that: rates from that up to 64 times as high were assumed. Measure over a shorter period.`,
    ];
  }
  return [];
}

function aboutRate(rate: MeasuredRate, facts: WholeFacts): string[] {
  const notes: string[] = [];
  if (rate.isPeriodEstimated) {
    notes.push(
      rate.source === 'resent'
        ? 'The dirty rate was worked out from how much a migration sent again, which is coarse: measure it by calc-dirty-rate.'
        : `QEMU does not say over which period a migration measured its dirty rate; about ${period(rate.periodMs)} was worked out from its passes, and half and twice that were assumed too.`,
    );
  }
  if (rate.throttle !== undefined) {
    notes.push(
      `The guest was throttled by ${Math.round(rate.throttle * 100)} % when its rate was measured, so unthrottled rates up to ${(1 / (1 - rate.throttle)).toFixed(1)} times as high were assumed.`,
    );
  }
  if (rate.source === 'page-sampling') {
    const changed = sampledPages(rate, facts);
    if (changed < 100) {
      notes.push(
        `Page sampling saw about ${Math.round(changed)} changed pages, so its rate is off by some ${Math.round(100 / Math.sqrt(Math.max(1, changed)))} %: the mode dirty-bitmap counts all of them.`,
      );
    }
    notes.push('Page sampling takes a page that was written back to what it was for clean.');
  }
  if (rate.source === 'dirty-ring') {
    notes.push(
      `The dirty ring is emptied once a second, so a page counts again then, and once for each vCPU: the rate is one over ${period(Math.min(rate.periodMs, RING_PERIOD_MS))}, at most.`,
    );
  }
  if (rate.roundingBytesPerSecond !== undefined && rate.bytesPerSecond < COARSE) {
    notes.push(
      `The rate is rounded down to whole MiB/s, which matters at ${formatByteRate(rate.bytesPerSecond)}.`,
    );
  }
  return notes;
}

function sampledPages(rate: MeasuredRate, { memoryBytes }: WholeFacts): number {
  const sampled = ((rate.samplePagesPerGiB ?? 512) * memoryBytes) / 2 ** 30;
  return (observe(rate).pages / (memoryBytes / PAGE)) * sampled;
}
