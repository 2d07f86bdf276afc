import type { GuestMemory } from '../memory/guest-memory.ts';
import { guestMismatch } from '../migration/guest-mismatch.ts';
import type { Policy } from '../migration/policy.ts';
import type { Algorithm } from '../migration/ports.ts';
import { asker, sendRounds } from '../migration/precopy.ts';
import { hello } from '../migration/source.ts';
import type { SourceSession } from '../migration/source-session.ts';
import { unthrottle } from '../migration/unthrottle.ts';
import { decodeControl } from '../wire/control.ts';
import { type Decoder, openDecoder } from '../wire/decoder.ts';
import { type Frame, WireError } from '../wire/frame.ts';
import type { Integrity } from '../wire/pages.ts';

/** Brings a first image of the guest to another host, by a live pre-copy whose guest stays here. */
export function* sendFirstImage<State>(
  session: SourceSession,
  policy: Policy<State>,
): Algorithm<void> {
  yield* hello(session);
  yield* sendRounds(session, policy, asker(session, policy));
  // The policy slows the guest and the sender so that the pre-copy ends; nobody asks it any more.
  unthrottle(session.side.guest);
  const { strictRate, maxBytesPerSecond } = session.side.options;
  session.side.link.limit(strictRate ? maxBytesPerSecond : Infinity);
}

/** Opens what installs the pages of a first image, as its HELLO says. Throws WireError if that is none of this guest. */
export function openFirstImage(
  frame: Frame,
  guest: { readonly memory: GuestMemory; readonly vcpus: number },
): { readonly decoder: Decoder; readonly integrity: Integrity } {
  const { name, body } = decodeControl(frame);
  if (name !== 'hello') throw new WireError(`frame ${frame.sequence}: ${name} is no HELLO`);
  const mismatch = guestMismatch(body, guest);
  if (mismatch) throw new WireError(mismatch);
  const { integrity } = body;
  return {
    decoder: openDecoder(guest.memory, integrity, {
      takesBlocks: body.xbzrle === true,
      compression: body.compression,
    }),
    integrity,
  };
}
