import { VERSION } from '../../result/version.ts';
import { answerOf } from './answer.ts';
import { edgesOf } from './goal-search.ts';
import { type PlausibleGuest, plausibleGuests, rateOver } from './guests.ts';
import { cheapestOf, gentlestOf, intervalOf, judge } from './judge.ts';
import { countedMs, PAGE, usedRates } from './observation.ts';
import { plan, playAll } from './plan.ts';
import type { Play } from './play.ts';
import {
  bandwidthOf,
  passMs,
  QEMU_LIMIT_MS,
  type Question,
  settingsOf,
  timeoutOf,
} from './question.ts';
import type { WhatIfResult } from './result.ts';
import type { WholeFacts } from './scenario.ts';
import type { Setting } from './settings.ts';
import { trustIn } from './trust.ts';
import { wordsFor } from './words.ts';

/**
 * Answers what would become of a migration under each setting, by virtual runs of guests that reproduce what was
 * measured. The same question has the same answer on any machine. `onPlan` is told how many runs there are before the
 * searches, once the first ones have shown it. Throws InputError when the facts make no scenario.
 */
export async function whatIf(
  question: Question,
  play: Play,
  onPlan: (all: number) => void = () => undefined,
): Promise<WhatIfResult> {
  const { facts, goal, runs, seed } = question;
  const guests = plausibleGuests(facts, runs, seed);
  const settings = settingsOf(question);
  const planned = settings.map((setting) => plan(question, facts, setting, guests));
  const outcomes = await playAll(planned, goal, play, onPlan);
  const answers = settings.map((setting, i) => judge(setting, outcomes[i]!, goal));
  const chosen = goal ? cheapestOf(answers) : gentlestOf(answers);
  const found = goal ? await edgesOf(question, settings, chosen, goal, play) : undefined;
  const setting = settings.find(({ id }) => id === chosen?.id);
  return {
    schema: 'pageferry/what-if@1',
    version: VERSION,
    answer: answerOf(answers, goal),
    sources: [...(question.sources ?? [])],
    facts: {
      memoryBytes: facts.memoryBytes,
      ...(facts.usedBytes === undefined ? {} : { usedBytes: facts.usedBytes }),
      vcpus: facts.vcpus,
      linkBytesPerSecond: facts.linkBytesPerSecond,
      ...(facts.maxBytesPerSecond === undefined
        ? {}
        : { maxBytesPerSecond: facts.maxBytesPerSecond }),
      ...(facts.latencyMs === undefined ? {} : { latencyMs: facts.latencyMs }),
      ...(facts.workingSetBytes === undefined ? {} : { workingSetBytes: facts.workingSetBytes }),
      downtimeLimitMs: facts.downtimeLimitMs ?? QEMU_LIMIT_MS,
      rates: (facts.rates ?? []).map(({ vcpuBytesPerSecond: vcpus, ...rate }) => ({
        ...rate,
        ...(vcpus ? { vcpuBytesPerSecond: [...vcpus] } : {}),
      })),
    },
    trust: trustIn(facts),
    dirtyRateByPeriod: ratesByPeriod(facts, guests),
    guests: guests.map(({ pattern, workingSetPages, rate }) => ({
      pattern,
      workingSetBytes: Math.round(workingSetPages * PAGE),
      writesPerSecond: rate,
    })),
    seed,
    scale: planned[0]?.[0]?.scale ?? 1,
    settings: answers.map((one, i) => ({
      ...one,
      timeoutMs: timeoutOf(question, settings[i]!),
    })),
    ...(goal && found ? { goal: { ...goal, ...found } } : {}),
    ...(setting ? { words: { setting: setting.id, programs: wordsOf(question, setting) } } : {}),
  };
}

function wordsOf({ facts, goal }: Question, setting: Setting) {
  return wordsFor({
    setting,
    bytesPerSecond: bandwidthOf(facts),
    memoryBytes: facts.memoryBytes,
    ...(facts.maxBytesPerSecond === undefined
      ? {}
      : { maxBytesPerSecond: facts.maxBytesPerSecond }),
    ...(goal?.maxTotalTimeMs === undefined ? {} : { maxTotalTimeMs: goal.maxTotalTimeMs }),
  });
}

/** Returns what measurements over other periods would show, up to the time that the memory takes. */
function ratesByPeriod(
  facts: WholeFacts,
  guests: readonly PlausibleGuest[],
): WhatIfResult['dirtyRateByPeriod'] {
  const own = usedRates(facts.rates ?? []).map(countedMs);
  const periods = [...new Set([100, 1000, 10_000, ...own, Math.round(passMs(facts))])];
  return periods
    .filter((ms) => ms > 0)
    .toSorted((a, b) => a - b)
    .map((periodMs) => ({
      periodMs,
      bytesPerSecond: intervalOf(guests.map((guest) => rateOver(guest, periodMs / 1000)))!,
    }));
}
