import { type ControlMessage, decodeControl } from '../wire/control.ts';
import { type Frame, isOptional } from '../wire/frame.ts';
import type { RunningTimes } from './handover.ts';
import type { TransferMetrics } from './metrics.ts';
import { MigrationEnded } from './migration-ended.ts';

/** What the source knows of the guest at the destination. */
export interface KnownOfPeer {
  readonly metrics: TransferMetrics;
  readonly running: RunningTimes | undefined;
  readonly hasPeerRun: boolean;
}

/**
 * Returns a frame's message, or undefined if the frame may be skipped. Throws MigrationEnded if it says
 * that the destination has failed.
 */
export function readMessage(frame: Frame, known: KnownOfPeer): ControlMessage | undefined {
  if (isOptional(frame)) return undefined;
  const message = decodeControl(frame);
  if (message.name !== 'failed') return message;
  const { message: why, ran } = message.body;
  // A destination that has requested pages or sent RUNNING has run the guest, whatever it says now.
  const hasAsked = known.metrics.postcopy.requests > 0;
  const hasRun = ran || known.running !== undefined || known.hasPeerRun || hasAsked;
  throw new MigrationEnded('failed', `the destination failed: ${why}`, !hasRun);
}
