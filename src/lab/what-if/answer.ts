import { formatDuration } from '../../units/duration.ts';
import { cheapestOf, gentlestOf, type Goal, type Judgement } from './judge.ts';
import type { Interval } from './result.ts';

/** Formats a range of milliseconds with its median, such as "4.1 s (3.8 to 5 s)". */
function span({ low, median, high }: Interval): string {
  const [from, middle, to] = [low, median, high].map((ms) => formatDuration(ms * 1e6));
  return from === to ? middle! : `${middle} (${from} to ${to})`;
}

/** Answers in a sentence or two. */
export function answerOf(answers: readonly Judgement[], goal?: Goal): string {
  const plain = answers.find(({ family }) => family === 'pre-copy');
  const chosen = goal ? cheapestOf(answers) : gentlestOf(answers);
  const first = plain ? plainSentence(plain) : '';
  const second = goal ? goalSentence(goal, chosen) : otherwise(plain, chosen);
  return [first, second].filter((sentence) => sentence !== '').join(' ');
}

function plainSentence(plain: Judgement): string {
  const {
    verdict,
    completed,
    runs,
    totalTimeMs,
    downtimeMs,
    neededDowntimeLimitMs: needed,
  } = plain;
  const name = capital(plain.title);
  const times =
    totalTimeMs && downtimeMs
      ? ` in ${span(totalTimeMs)} with a downtime of ${span(downtimeMs)}`
      : '';
  const limit = needed ? `; its downtime limit would have to be ${span(needed)}` : '';
  if (verdict === 'converges') return `${name} completes${times}.`;
  if (verdict === 'does not converge') return `${name} does not converge${limit}.`;
  return `${name} may converge: ${completed} of ${runs} runs complete,${times}${limit}.`;
}

function otherwise(plain: Judgement | undefined, chosen: Judgement | undefined): string {
  if (!chosen) return 'No setting completes for certain.';
  if (chosen === plain) return '';
  return `The gentlest setting that completes is ${described(chosen)}.`;
}

function goalSentence(goal: Goal, chosen: Judgement | undefined): string {
  const parts = [
    goal.maxDowntimeMs === undefined
      ? ''
      : `${formatDuration(goal.maxDowntimeMs * 1e6)} of downtime`,
    goal.maxTotalTimeMs === undefined ? '' : `${formatDuration(goal.maxTotalTimeMs * 1e6)} in all`,
  ].filter((part) => part !== '');
  const asked = parts.join(' and ');
  if (!chosen) return `No setting keeps to ${asked}.`;
  return `The gentlest setting that keeps to ${asked} is ${described(chosen)}.`;
}

function described({ title, totalTimeMs, downtimeMs, slowdown }: Judgement): string {
  const share = slowdown
    ? `, and the guest gets ${Math.round(100 * slowdown.median)} % less done`
    : '';
  return `${title}: ${span(totalTimeMs!)}, downtime ${span(downtimeMs!)}${share}`;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
