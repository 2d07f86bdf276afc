import type { Patience } from '../../../runtime/process/handshake.ts';

/** What the player of a campaign asks of a process, and what a process tells it. These go another way than migrations. */
export type Order =
  | { readonly kind: 'receive'; readonly patience: Patience }
  | {
      readonly kind: 'send';
      readonly id: string;
      readonly text: string;
      readonly port: number;
      readonly patience: Patience;
    };

/** How a sender's run has ended. */
export interface SentEnd {
  readonly kind: 'sent';
  readonly id: string;
  /** What kept the migration from beginning; the guest is at the source then, as it never left. */
  readonly refused?: string;
  readonly outcome?: string;
  readonly error?: string;
  readonly guestLost?: boolean;
  /** Whether its vCPUs run at the sender, by their own words. */
  readonly runsHere?: boolean;
  /** What the proof found; absent without one. */
  readonly ok?: boolean;
  readonly proof?: string;
  readonly losses?: number;
  readonly pauses?: number;
}

/** How a guest's stay at a receiver has ended. */
export interface ReceivedEnd {
  readonly kind: 'received';
  readonly id: string;
  readonly outcome: string;
  readonly error?: string;
  /** Whether its vCPUs ran there, by their own words. */
  readonly ran: boolean;
}

/** What processes tell. */
export type Told =
  | { readonly kind: 'listening'; readonly port: number }
  /** A guest has been admitted, so that the end of its stay will be told. */
  | { readonly kind: 'admitted'; readonly id: string }
  | SentEnd
  | ReceivedEnd;
