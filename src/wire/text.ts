import { z } from 'zod';

/** The longest sentence that one side tells the other, in UTF-16 units. */
export const MOST_SENTENCE = 4096;

/** Text that a peer has written may be shown on a terminal, so nothing in it may steer one. */
export const lineOf = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^\P{Cc}*$/u);

/** Returns a sentence as the other side takes it: on one line, without what steers terminals, and not too long. */
export const toldSentence = (text: string): string =>
  text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, MOST_SENTENCE);
