import type { ProtectResult } from './result-schema.ts';

type End = NonNullable<ProtectResult['protections'][number]['end']>;

/** How a protection ended, as readers are told. */
export const END_WORDS: Readonly<Record<End, string>> = {
  tookOver: 'took over',
  dropped: 'dropped',
  fenced: 'fenced',
  cancelled: 'cancelled',
  gaveUp: 'gave up',
  refused: 'refused',
  lost: 'lost',
};
