import type { Accounting } from '../accounting.ts';
import type { BatchSizes } from '../batch-sizes.ts';
import type { SendLimiter } from '../limiters.ts';
import type { TransferMetrics } from '../metrics.ts';
import type { Algorithm, Side, SourceGuest, WaitRequest, Wake } from '../ports.ts';
import type { SourceOptions } from '../source-options.ts';
import type { ControlMessage } from '../../wire/control.ts';
import type { EncodedPages } from '../../wire/encoder.ts';
import type { FrameRoom } from '../../link/link.ts';
import type { TakenRuns } from '../../memory/page-set.ts';

/** What SourceChannels needs of the session that it belongs to. */
export interface ChannelsSession {
  readonly side: Side & { readonly options: SourceOptions; readonly guest: SourceGuest };
  readonly accounting: Accounting;
  readonly limiter: SendLimiter;
  readonly metrics: TransferMetrics;
  readonly sizes: BatchSizes;
  readonly isPostcopy: boolean;
  firstPageNs: number | undefined;
  wait(request: Omit<WaitRequest, 'untilNs' | 'cancel'>): Algorithm<Wake>;
  hearPeer(): void;
  send(message: ControlMessage): Algorithm<void>;
  post(taken: TakenRuns, room: FrameRoom): EncodedPages;
  countSent(encoded: EncodedPages, fromNs: number, linkFromNs: number): void;
}
