import { hashWords } from '../../random/generator.ts';
import type { PacketRun } from '../net-buffer.ts';

/** Packets of one stream, numbered from `from` on, with a sum of the contents of each, two words a packet. */
export interface PacketSums {
  readonly stream: number;
  readonly from: number;
  readonly sums: readonly number[];
}

/** Returns the sum of the contents of a stream's packet, which are a function of its number and the stream's variant. */
export function packetSum(stream: number, number: number, variant: number): [number, number] {
  return [hashWords(variant, stream, number, 1), hashWords(variant, stream, number, 2)];
}

/** Returns the first packets of a run, up to number `to`; they were sent as evenly as all of the run were. */
export function firstOf(run: PacketRun, to: number): PacketRun {
  return { ...run, to, lastNs: sentNs(run, to) };
}

/** Returns the packets of a run after number `to`; undefined if there are none. */
export function restOf(run: PacketRun, to: number): PacketRun | undefined {
  if (to >= run.to) return undefined;
  return { ...run, from: to + 1, firstNs: sentNs(run, to + 1) };
}

/** Returns the number of the last packet of a run that was sent before `atNs`; one less than its first if none was. */
export function lastBefore(run: PacketRun, atNs: number): number {
  let last = run.to;
  while (last >= run.from && sentNs(run, last) >= atNs) last--;
  return last;
}

/** Returns when a packet of a run was sent. */
function sentNs({ from, to, firstNs, lastNs }: PacketRun, number: number): number {
  if (number === to || to === from) return lastNs;
  return firstNs + ((lastNs - firstNs) * (number - from)) / (to - from);
}
