/** A device to which a host swaps pages out. */
export interface SwapDeviceSpec {
  /** How long a request takes besides the transfer of its bytes: seek, queueing in the device, software. */
  readonly latencyNs: number;
  readonly bytesPerSecond: number;
}

/** A time in which the device transfers bytes without a pause. */
interface Busy {
  fromNs: number;
  toNs: number;
}

/** Guests are advanced one after another, so requests come at most so long after later ones; a tick is far less. */
const MOST_LAG_NS = 1e9;

/**
 * The times of a swap device. Its latency passes while it serves others, as that of a disk array or a flash device does;
 * its bandwidth does not: each request has the first time in which no other has it. Guests are advanced one after
 * another, so a request may come after those of a guest that is ahead of it in time. It has the time that these have
 * left free, so that a guest does not wait for what another will ask for later.
 */
export class SwapDevice {
  readonly spec: SwapDeviceSpec;
  /** In the order of time; none touches the next one. What is over for long has been forgotten. */
  readonly #busy: Busy[] = [];
  /** Bytes read and written so far. */
  readBytes = 0;
  writtenBytes = 0;

  constructor(spec: SwapDeviceSpec) {
    this.spec = spec;
  }

  /** Returns when a read that is asked for at `atNs` ends. */
  read(atNs: number, bytes: number): number {
    this.readBytes += bytes;
    return this.#serve(atNs, bytes);
  }

  /** Returns when a write ends; pages that are written together have one latency. */
  write(atNs: number, bytes: number): number {
    this.writtenBytes += bytes;
    return this.#serve(atNs, bytes);
  }

  #serve(atNs: number, bytes: number): number {
    const busy = this.#busy;
    let leftNs = (bytes / this.spec.bytesPerSecond) * 1e9;
    let first = busy.length;
    while (first > 0 && busy[first - 1]!.toNs >= atNs) first--;
    const fromNs = Math.min(atNs, busy[first]?.fromNs ?? Infinity);
    let next = first;
    let endNs = atNs;
    for (; next < busy.length; next++) {
      const gapNs = Math.max(0, busy[next]!.fromNs - endNs);
      if (leftNs <= gapNs) break;
      leftNs -= gapNs;
      endNs = busy[next]!.toNs;
    }
    endNs += leftNs;
    // What it touches then becomes a part of it.
    const toNs = busy[next]?.fromNs === endNs ? busy[next++]!.toNs : endNs;
    busy.splice(first, next - first, { fromNs, toNs });
    this.#forget();
    return endNs + this.spec.latencyNs;
  }

  /** Forgets the times before which nobody will ask for anything any more. */
  #forget(): void {
    const beforeNs = this.#busy.at(-1)!.fromNs - MOST_LAG_NS;
    let over = 0;
    while (this.#busy[over]!.toNs < beforeNs) over++;
    if (over > FORGOTTEN_AT_ONCE) this.#busy.splice(0, over);
  }
}

const FORGOTTEN_AT_ONCE = 64;
