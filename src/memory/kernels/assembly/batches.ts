// The batches of a vCPU that nothing interrupts. Their twin is ../twin/batches.ts; the two must agree to the bit.

import { MARK_NONE, STREAM_ACCESS_NS, STREAM_BUSY_NS, STREAM_DUE, STREAM_MARK_NS } from '../abi';
import { markFresh, touch } from './access';
import { nextGfns } from './next-gfns';

/** Makes batches of accesses until the vCPU is busy up to `endNs` or none is due (../kernels.ts). */
export function runUntil(
  stream: usize,
  list: usize,
  map: usize,
  isLogged: u32,
  most: u32,
  endNs: f64,
): u32 {
  const accessNs = load<f64>(stream, STREAM_ACCESS_NS);
  const markNs = load<f64>(stream, STREAM_MARK_NS);
  const mostNs = accessNs + (isLogged != 0 ? markNs : 0);
  let busyNs = load<f64>(stream, STREAM_BUSY_NS);
  let due = load<f64>(stream, STREAM_DUE);
  let fresh: u32 = 0;
  while (busyNs < endNs) {
    const whole = Math.min(Math.floor(due), <f64>most);
    if (whole <= 0) break;
    const fitting = Math.max(1, Math.ceil((endNs - busyNs) / mostNs));
    const count = <u32>Math.min(whole, fitting);
    nextGfns(stream, count, list);
    touch(stream, count, list, MARK_NONE, 0);
    fresh = isLogged != 0 ? markFresh(list, count, map) : 0;
    due -= <f64>count;
    busyNs += <f64>count * accessNs + <f64>fresh * markNs;
  }
  store<f64>(stream, busyNs, STREAM_BUSY_NS);
  store<f64>(stream, due, STREAM_DUE);
  return fresh;
}
