import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Role, SECRET_BYTES } from './messages.ts';
import type { ItemCounts } from './outbox.ts';

/** Returns a secret that nobody can guess. */
export const newSecret = (): Uint8Array => new Uint8Array(randomBytes(SECRET_BYTES));

/** What a code vouches for. */
export interface ResumeClaim {
  readonly id: string;
  /** Counts the sender's attempts; each number is good for one. */
  readonly attempt: number;
  /** Who claims. */
  readonly from: Role;
  readonly came: ItemCounts;
  /** Whether frames begin anew. */
  readonly afresh: boolean;
}

/**
 * Returns the code by which a process shows that it knows a migration's secret without sending it (HMAC-SHA256, RFC
 * 2104). It is of no use for another attempt, for the other side or with other counts.
 */
export function resumeCode(secret: Uint8Array, claim: ResumeClaim): Buffer {
  const { id, attempt, from, came, afresh } = claim;
  const text = [from, id, attempt, came.messages, came.frames, afresh].join(' ');
  return createHmac('sha256', secret).update(text).digest();
}

/** Returns whether a code is the one of a claim, in a time that does not depend on where it differs. */
export function isCodeOf(code: Uint8Array, secret: Uint8Array, claim: ResumeClaim): boolean {
  const right = resumeCode(secret, claim);
  return code.length === right.length && timingSafeEqual(code, right);
}
