/** A device to which a host swaps pages out. */
export interface SwapDeviceSpec {
  /** How long a request takes besides the transfer of its bytes: seek, queueing in the device, software. */
  readonly latencyNs: number;
  readonly bytesPerSecond: number;
}

/**
 * The times of a swap device that serves one request after another. Its latency passes while it serves others, as that of
 * a disk array or a flash device does; its bandwidth does not.
 */
export class SwapDevice {
  readonly spec: SwapDeviceSpec;
  #busyUntilNs = 0;
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
    this.#busyUntilNs =
      Math.max(atNs, this.#busyUntilNs) + (bytes / this.spec.bytesPerSecond) * 1e9;
    return this.#busyUntilNs + this.spec.latencyNs;
  }
}
