import { WireError } from '../../wire/frame.ts';
import type { Algorithm, Side } from '../ports.ts';
import type { PageReceivers } from './ports.ts';

/** The destination's side, with its channels if there are any. */
type ReceivingSide = Pick<Side, 'clock'> & { readonly receivers?: PageReceivers };

/** Checks that there are as many channels here as the source says in HELLO. Throws WireError. */
export function checkChannels(channels = 0, receivers: PageReceivers | undefined): void {
  const here = receivers?.count ?? 0;
  if (channels === here) return;
  throw new WireError(`the source sends over ${channels} channels, here are ${here}`);
}

/** Throws WireError if a channel can't go on. */
export function checkReceivers(receivers: PageReceivers | undefined): void {
  if (receivers?.problem !== undefined) throw new WireError(receivers.problem);
}

/**
 * Waits until every channel has brought what was sent before the flush of this number, which has to be the next one. Only
 * then do the channels go on, so that nothing that was sent later is installed before. Throws WireError.
 */
export function* takeFlush(
  { receivers, clock }: ReceivingSide,
  silenceNs: number,
  next: number,
  number: number,
): Algorithm<void> {
  if (!receivers) throw new WireError('there are no channels that could be flushed');
  if (number !== next) throw new WireError(`flush ${number} came out of turn`);
  const ready = (): number => receivers.syncedAtNs(number);
  const untilNs = clock.now() + silenceNs;
  while (ready() > clock.now()) {
    if ((yield { ready, untilNs }) !== 'time') continue;
    throw new WireError(`the channels have been silent for ${silenceNs / 1e9} s`);
  }
  checkReceivers(receivers);
  receivers.goOn(number);
}
