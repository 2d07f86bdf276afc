import { formatDuration } from '../../units/duration.ts';
import type { ProtectResult } from './result-schema.ts';

type Protection = ProtectResult['protections'][number];
type End = NonNullable<Protection['end']>;

/** How a protection ended, as readers are told. */
const END_WORDS: Readonly<Record<End, string>> = {
  tookOver: 'took over',
  dropped: 'dropped',
  fenced: 'fenced',
  cancelled: 'cancelled',
  gaveUp: 'gave up',
  refused: 'refused',
  lost: 'lost',
};

/** Returns how and when a protection ended, or how it stands. */
export function endText({ end, endMs, protectedMs }: Protection): string {
  if (end === undefined) return protectedMs === undefined ? 'not protected yet' : 'goes on';
  if (endMs === undefined) return END_WORDS[end];
  return `${END_WORDS[end]} at ${endMs === 0 ? '0 s' : formatDuration(endMs * 1e6)}`;
}
