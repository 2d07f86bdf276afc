import { describe, expect, it } from 'vitest';
import { mostBytesPerSecond, mostUnlimitedLatencyNs, ringBytes } from '../../src/link/capacity.ts';
import { tokenBucket } from '../../src/link/rate-limiter.ts';

const MS = 1e6;

describe('a token bucket', () => {
  it('keeps its rate over any pattern of late senders, to 10 ms of lag', () => {
    const bucket = tokenBucket(125e6, MS);
    let nowNs = 0;
    let bytes = 0;
    for (let i = 0; i < 20_000; i++) {
      nowNs = Math.max(nowNs, bucket.readyAtNs());
      // Woken late, by up to 3 ms, as a loaded machine does.
      nowNs += (i * 7919) % 97 === 0 ? 3 * MS : 50_000;
      bucket.take(65_536, nowNs);
      bytes += 65_536;
    }
    expect(bytes / 125e6 / (nowNs / 1e9)).toBeCloseTo(1, 2);
  });

  it('is never ahead by more than its horizon and what it lagged', () => {
    const bucket = tokenBucket(1e6, MS);
    let posted = 0;
    for (let nowNs = 0; nowNs < 1e9; nowNs += 100_000) {
      while (bucket.readyAtNs() <= nowNs) {
        bucket.take(1000, nowNs);
        posted += 1000;
      }
      expect(posted).toBeLessThanOrEqual((nowNs / 1e9) * 1e6 + 2 * 1000 + 1);
    }
  });

  it('does not make up time in which there was nothing to send', () => {
    const bucket = tokenBucket(1e6, 0);
    expect(bucket.take(1000, 0)).toBe(MS);
    bucket.rest();
    expect(bucket.take(1000, 100 * MS)).toBe(101 * MS);
    // A busy sender that comes 4 ms late has not let the link rest.
    expect(bucket.take(1000, 105 * MS)).toBe(102 * MS);
    // But only 10 ms of that count.
    expect(bucket.take(1000, 200 * MS)).toBe(191 * MS);
  });

  it('without a limit takes no time', () => {
    const bucket = tokenBucket(Infinity, MS);
    expect(bucket.take(1e9, 5)).toBe(5);
    expect(bucket.readyAtNs()).toBeLessThanOrEqual(5);
  });
});

describe('the ring of a link', () => {
  it('holds bandwidth × latency, up to a bound', () => {
    expect(ringBytes(125e6, 100_000, 4096)).toBe(4 * 1024 * 1024);
    expect(ringBytes(125e6, 100 * MS, 4096)).toBeGreaterThan(12.5e6);
    expect(ringBytes(12.5e9, 10 * MS, 4096)).toBeUndefined();
    expect(ringBytes(12.5e9, 10 * MS, 4096, true)).toBeGreaterThan(12.5e9 * 0.0112);
    expect(ringBytes(Infinity, 100_000, 4096)).toBeDefined();
    expect(ringBytes(Infinity, 50 * MS, 4096)).toBeUndefined();
    expect(ringBytes(125e6, 0, 2 * 1024 * 1024)).toBeGreaterThan(4.2e6);
  });

  it('has room for what is under way, the slack of a virtual clock and two batches', () => {
    // 1.2 ms of the rate and two frames of 128 KiB and their headers just fit into 512 KiB, and no longer.
    const kib = 1024;
    const fits = (512 * kib - 2 * (128 + 8) * kib) / 0.0012;
    expect(ringBytes(Math.floor(fits), 0, 4096, true)).toBe(512 * kib);
    expect(ringBytes(Math.ceil(fits) + 1, 0, 4096, true)).toBe(1024 * kib);
    // A latency of 10 ms at 100 MB/s adds a million bytes.
    expect(ringBytes(100e6, 10 * MS, 4096, true)).toBe(2048 * kib);
  });

  it.each([false, true])(
    'is there up to the rate and latency that errors name, virtual: %s',
    (isVirtual) => {
      const rate = mostBytesPerSecond(MS, 4096, isVirtual);
      expect(ringBytes(rate * 0.999, MS, 4096, isVirtual)).toBeDefined();
      expect(ringBytes(rate * 1.001, MS, 4096, isVirtual)).toBeUndefined();
      const latencyNs = mostUnlimitedLatencyNs(4096, isVirtual);
      expect(ringBytes(Infinity, latencyNs * 0.999, 4096, isVirtual)).toBeDefined();
      expect(ringBytes(Infinity, latencyNs * 1.001, 4096, isVirtual)).toBeUndefined();
    },
  );

  it('is there for 400 Gbit/s on a virtual clock, and for 100 Gbit/s in real time', () => {
    expect(ringBytes(50e9, 10 * MS, 4096, true)).toBeDefined();
    expect(ringBytes(12.5e9, MS, 4096)).toBeDefined();
  });
});
