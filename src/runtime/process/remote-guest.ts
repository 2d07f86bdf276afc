import { openMemory } from '../../memory/guest-memory.ts';
import { DIGEST_BYTES } from '../common/digest.ts';
import type { ComparisonParts, FinalGuest, GuestComparison } from '../common/final-guest.ts';
import type { SharedGuestSide } from '../common/guest-side.ts';
import { GivenUpError } from '../common/pieces.ts';
import type { WorkRunner } from '../common/work.ts';
import type { Difference } from '../report.ts';
import type { Connection } from './connection.ts';
import {
  type BodyOf,
  CHUNK_BYTES,
  type Message,
  MOST_DIGEST_BYTES,
  ProtocolError,
} from './messages.ts';

/** Sums take longer than anything else in a proof: some seconds for the most bytes of one DIGEST. */
const ANSWER_MS = 120_000;

/**
 * A guest that has moved to another process, as its proof sees it. The receiver sends the SHA-256 sum of each MiB of
 * its memory. Where a sum differs from that of the expected bytes, it sends the bytes themselves, so that the
 * difference is named. So a difference goes unseen only if two different chunks have one SHA-256 sum.
 */
export function remoteGuest(connection: Connection, { progress }: BodyOf<'parked'>): FinalGuest {
  return {
    progress,
    compare: (expected, parts) => new RemoteComparison(connection, expected, parts).run(),
  };
}

class RemoteComparison {
  readonly #connection: Connection;
  readonly #expected: SharedGuestSide;
  readonly #parts: ComparisonParts;
  #differingPages = 0;
  #first: Difference | undefined;
  /** The page of which a byte differed last, as a page may lie in several chunks. */
  #lastGfn = -1;

  constructor(connection: Connection, expected: SharedGuestSide, parts: ComparisonParts) {
    this.#connection = connection;
    this.#expected = expected;
    this.#parts = parts;
  }

  async run(): Promise<GuestComparison> {
    const { slots } = openMemory(this.#expected.slots);
    for (const [slot, { ram }] of slots.entries()) {
      for (let from = 0; from < ram.length; from += MOST_DIGEST_BYTES) {
        if (this.#parts.signal?.aborted) throw new GivenUpError('the proof was given up');
        await this.#compare(slot, from, Math.min(MOST_DIGEST_BYTES, ram.length - from));
      }
    }
    const first = this.#first;
    return { differingPages: this.#differingPages, ...(first ? { firstDifference: first } : {}) };
  }

  async #compare(slot: number, from: number, bytes: number): Promise<void> {
    this.#connection.send('digest', { slot, from, bytes });
    // Both processes do their sums at the same time.
    const [theirs, ours] = await Promise.all([
      this.#connection.expect(['digests'], ANSWER_MS),
      digestRange(this.#parts.pool, { guestSide: this.#expected, slot, from, bytes }),
    ]);
    const { sums } = theirs.body;
    if (sums.length !== ours.length) throw new ProtocolError('it sent sums of other chunks');
    for (let at = 0, chunk = from; at < ours.length; at += DIGEST_BYTES, chunk += CHUNK_BYTES) {
      if (
        Buffer.compare(
          sums.subarray(at, at + DIGEST_BYTES),
          ours.subarray(at, at + DIGEST_BYTES),
        ) === 0
      )
        continue;
      await this.#locate(slot, chunk, Math.min(CHUNK_BYTES, from + bytes - chunk));
    }
  }

  /** Fetches a chunk that differs, and counts its pages that do. */
  async #locate(slot: number, from: number, length: number): Promise<void> {
    this.#connection.send('fetch', { slot, from, bytes: length });
    const { body } = await this.#connection.expect(['fetched'], ANSWER_MS);
    if (body.bytes.length !== length)
      throw new ProtocolError('it sent other bytes than those asked for');
    const { ram, layout } = openMemory(this.#expected.slots).slots[slot]!;
    for (let at = 0; at < length; at++) {
      const [expected, found] = [ram[from + at]!, body.bytes[at]!];
      if (expected === found) continue;
      const page = Math.floor((from + at) / layout.storedBytes);
      this.#note({
        gfn: layout.firstGfn + page,
        offset: from + at - page * layout.storedBytes,
        expected,
        found,
      });
      // The rest of the page says nothing more.
      at = (page + 1) * layout.storedBytes - from - 1;
    }
  }

  #note(difference: Difference): void {
    if (difference.gfn === this.#lastGfn) return;
    this.#lastGfn = difference.gfn;
    this.#differingPages++;
    this.#first ??= difference;
  }
}

/** A part of a slot's RAM. */
interface Range {
  readonly guestSide: SharedGuestSide;
  readonly slot: number;
  readonly from: number;
  readonly bytes: number;
}

/** Returns the sums of the chunks of a range, which all threads of a pool work on. */
async function digestRange(pool: WorkRunner, range: Range): Promise<Uint8Array> {
  const { from, bytes } = range;
  const chunks = Math.ceil(bytes / CHUNK_BYTES);
  const each = Math.max(1, Math.ceil(chunks / pool.threads)) * CHUNK_BYTES;
  const parts: Promise<Uint8Array>[] = [];
  for (let at = 0; at < bytes; at += each) {
    const part = { ...range, from: from + at, bytes: Math.min(each, bytes - at) };
    parts.push(pool.run('digest', { ...part, chunkBytes: CHUNK_BYTES }));
  }
  return Buffer.concat(await Promise.all(parts));
}

/** Answers the questions of a sender's proof about a guest that stands still here. Throws ProtocolError for a wrong one. */
export async function answerProof(
  connection: Connection,
  guestSide: SharedGuestSide,
  pool: WorkRunner,
  question: Message<'digest' | 'fetch'>,
): Promise<void> {
  const { slot, from, bytes } = question.body;
  const ram = openMemory(guestSide.slots).slots[slot]?.ram;
  const most = question.name === 'digest' ? MOST_DIGEST_BYTES : CHUNK_BYTES;
  if (!ram || bytes > most || from + bytes > ram.length) {
    throw new ProtocolError('it asked for memory that the guest does not have');
  }
  if (question.name === 'fetch') {
    connection.send('fetched', { bytes: ram.slice(from, from + bytes) });
    return;
  }
  const sums = await digestRange(pool, { guestSide, slot, from, bytes });
  connection.send('digests', { sums });
}
