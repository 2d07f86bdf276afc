import type { VcpuState } from '../../guest/vcpu-state.ts';
import type { FrameRoom, FrameKind } from '../../link/link.ts';
import type { LogReader } from '../../memory/dirty-logs/log-reader.ts';
import type { GuestMemory } from '../../memory/guest-memory.ts';
import type { Side } from '../../migration/ports.ts';
import type { PacketRun } from '../net-buffer.ts';
import type { BackupSide, PrimarySide } from '../ports.ts';
import type { Comparer } from './comparer.ts';
import type { ColoConfig } from './config.ts';

/** Builds a frame in its room; returns its length in bytes. */
export type FrameBuilder = (room: FrameRoom) => number;

/** What both halves of COLO need to talk to each other. */
export interface TalkSide extends Side {
  /** What the other side is called. */
  readonly peer: 'primary' | 'secondary';
  readonly heartbeatNs: number;
  readonly silenceNs: number;
}

/** The kinds of frames that these halves send. */
export type TalkKind = Exclude<FrameKind, 'urgent'>;

/** What the primary's half of COLO works with. */
export interface ColoPrimarySide extends PrimarySide {
  readonly colo: ColoConfig;
  readonly comparer: Comparer;
  /** The number of the guest's streams. */
  readonly streams: number;
  /** Lets the guest live up to now, so that its packets have reached the comparer. */
  readonly advance: () => void;
  /** Returns the variant of each stream of the paused guest. */
  readonly variants: () => readonly number[];
}

/** The secondary's guest, as its half sees it. A call that asks the vCPUs for something returns at once. */
export interface SecondaryGuest {
  readonly memory: GuestMemory;
  readonly vcpus: number;
  /** Loads the state of the vCPUs, which stand still; returns undefined, or why it does not fit. */
  load(states: readonly VcpuState[]): string | undefined;
  openLog(): LogReader;
  pause(): void;
  run(): void;
  /** Whether the vCPUs, or the log, have answered what they were asked last. */
  isSettled(): boolean;
}

/** What the secondary's half of COLO works with. */
export interface ColoSecondarySide extends Omit<BackupSide, 'guest'> {
  readonly colo: ColoConfig;
  readonly guest: SecondaryGuest;
  /** The number of the guest's streams. */
  readonly streams: number;
  /** Lets the guest live up to now, at its own speed and in its own way. */
  readonly advance: () => void;
  /** Takes the packets that the guest has sent since the last call. */
  readonly takeOutputs: () => readonly PacketRun[];
  /** Returns the sum of the contents of a packet that the guest has sent. */
  readonly sumOf: (stream: number, number: number) => readonly [number, number];
  /** Is told that the state of a checkpoint has been loaded: what the guest has sent and written since is void. */
  readonly onLoad: (variants: readonly number[]) => void;
  /** Has what the guest has written to its disk since the last checkpoint go there; returns the number of blocks. */
  readonly keepWrites: () => number;
  /** Is told that the guest's packets leave from here from now on. */
  readonly onTakeOver: () => void;
}
