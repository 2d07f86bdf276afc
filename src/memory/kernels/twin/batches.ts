import * as abi from '../abi.ts';
import { markFresh, nextGfns, touch } from './access.ts';
import type { Views } from './views.ts';

/** The twin of `runUntil`. */
export function runUntil(
  v: Views,
  stream: number,
  list: number,
  map: number,
  isLogged: number,
  most: number,
  endNs: number,
): number {
  const at = (offset: number): number => (stream + offset) >>> 3;
  const accessNs = v.doubles[at(abi.STREAM_ACCESS_NS)]!;
  const markNs = v.doubles[at(abi.STREAM_MARK_NS)]!;
  const mostNs = accessNs + (isLogged ? markNs : 0);
  let busyNs = v.doubles[at(abi.STREAM_BUSY_NS)]!;
  let due = v.doubles[at(abi.STREAM_DUE)]!;
  let fresh = 0;
  while (busyNs < endNs) {
    const whole = Math.min(Math.floor(due), most);
    if (whole <= 0) break;
    const count = Math.min(whole, Math.max(1, Math.ceil((endNs - busyNs) / mostNs)));
    nextGfns(v, stream, count, list);
    touch(v, stream, count, list, abi.MARK_NONE, 0);
    fresh = isLogged ? markFresh(v, list, count, map) : 0;
    due -= count;
    busyNs += count * accessNs + fresh * markNs;
  }
  v.doubles[at(abi.STREAM_BUSY_NS)] = busyNs;
  v.doubles[at(abi.STREAM_DUE)] = due;
  return fresh;
}
