import { describe, expect, it } from 'vitest';
import { scratchAreas } from '../../src/memory/layout.ts';
import type { Memslot } from '../../src/memory/memslot.ts';
import { fillRandomly, slotPair } from '../support/slots.ts';

describe('the page kernels and their twin', () => {
  const bytes = 4096;

  it('agree on zero pages wherever the one byte is', () => {
    const { wasm, twin } = slotPair();
    for (const slot of [wasm, twin]) {
      const { ramOffset } = slot.layout;
      expect(slot.kernels.isZero(ramOffset, bytes)).toBe(true);
      for (const at of [0, 1, 127, 128, 2049, 4095]) {
        slot.ram[at] = 1;
        expect(slot.kernels.isZero(ramOffset, bytes)).toBe(false);
        slot.ram[at] = 0;
      }
      slot.ram[4096] = 1;
      expect(slot.kernels.isZero(ramOffset, bytes)).toBe(true);
    }
  });

  it('find the first byte that differs', () => {
    const { wasm, twin } = slotPair();
    for (const slot of [wasm, twin]) {
      const { ramOffset } = slot.layout;
      const compare = (): number =>
        slot.kernels.firstDifference(ramOffset, ramOffset + bytes, bytes);
      expect(compare()).toBe(-1);
      for (const at of [4095, 1000, 64, 63, 0]) {
        slot.ram[at] = 7;
        expect(compare()).toBe(at);
      }
    }
  });

  it('hash to the same sum, for every length of page', () => {
    const { wasm, twin } = slotPair({ pages: 64, pageSize: 65536 });
    for (const length of [64, 1024, 1088, 4096, 16384, 65536]) {
      for (const seed of [0, 1, 2]) {
        const sums = [wasm, twin].map((slot) => sumOf(slot, length, seed));
        expect(sums[0]).toEqual(sums[1]);
      }
    }
  });

  it('hash differently when one bit flips or two stripes trade places', () => {
    const { wasm } = slotPair();
    const sums = new Set<string>();
    const { ramOffset } = wasm.layout;
    fillRandomly(wasm, 42);
    const add = (): void => {
      const { hash } = scratchAreas(wasm.layout);
      wasm.kernels.pageHash(ramOffset, bytes, hash);
      sums.add(`${wasm.words[hash >>> 2]} ${wasm.words[(hash >>> 2) + 1]}`);
    };
    add();
    for (let bit = 0; bit < bytes * 8; bit++) {
      wasm.ram[bit >>> 3]! ^= 1 << (bit & 7);
      add();
      wasm.ram[bit >>> 3]! ^= 1 << (bit & 7);
    }
    const first = wasm.ram.slice(0, 64);
    for (let stripe = 1; stripe < 64; stripe++) {
      const other = wasm.ram.slice(64 * stripe, 64 * stripe + 64);
      wasm.ram.set(other, 0);
      wasm.ram.set(first, 64 * stripe);
      add();
      wasm.ram.set(first, 0);
      wasm.ram.set(other, 64 * stripe);
    }
    expect(sums.size).toBe(1 + bytes * 8 + 63);
  });
});

describe('kernels over several pages', () => {
  it('find the zero pages, clear them and sum them as one by one', () => {
    const pageBytes = 1024;
    const count = 20;
    for (const [name, slot] of Object.entries(slotPair())) {
      const { ramOffset } = slot.layout;
      const { hash } = scratchAreas(slot.layout);
      const { kernels, words } = slot;
      const zeros = [0, 3, 19];
      const prepare = (): void => {
        fillRandomly(slot, 9);
        for (const page of zeros) slot.ram.fill(0, page * pageBytes, (page + 1) * pageBytes);
        // The last byte counts as well.
        slot.ram.fill(0, 5 * pageBytes, 6 * pageBytes - 1);
        slot.ram[6 * pageBytes - 1] = 1;
      };
      prepare();
      const mask = zeros.reduce((bits, page) => bits | (1 << page), 0);
      expect(kernels.zeroMask(ramOffset, pageBytes, count), name).toBe(mask);

      const sums = ramOffset + 24 * pageBytes;
      kernels.hashPages(ramOffset, pageBytes, count, sums);
      for (let page = 0; page < count; page++) {
        kernels.pageHash(ramOffset + page * pageBytes, pageBytes, hash);
        const at = (sums >>> 2) + 2 * page;
        expect([words[at], words[at + 1]]).toEqual([words[hash >>> 2], words[(hash >>> 2) + 1]]);
      }
      const check = (): number => kernels.firstWrongHash(ramOffset, pageBytes, count, sums, hash);
      expect(check()).toBe(-1);
      slot.ram[19 * pageBytes + 77]! ^= 1;
      expect(check()).toBe(19);
      slot.ram[2 * pageBytes + 1]! ^= 1;
      expect(check()).toBe(2);
      words[(sums >>> 2) + 3]! ^= 1;
      expect(check()).toBe(1);

      prepare();
      const after = slot.ram.slice(7 * pageBytes);
      kernels.clearPages(ramOffset + 2 * pageBytes, pageBytes, 5);
      expect(slot.ram.subarray(2 * pageBytes, 7 * pageBytes).every((byte) => byte === 0)).toBe(
        true,
      );
      // A comparison of so many elements one by one would take seconds.
      expect(Buffer.compare(slot.ram.slice(7 * pageBytes), after)).toBe(0);
      expect(kernels.zeroMask(ramOffset + pageBytes, pageBytes, 1)).toBe(0);
    }
  });
});

function sumOf(slot: Memslot, length: number, seed: number): number[] {
  fillRandomly(slot, seed);
  if (seed === 0) slot.ram.fill(0);
  const { hash } = scratchAreas(slot.layout);
  slot.kernels.pageHash(slot.layout.ramOffset, length, hash);
  return [slot.words[hash >>> 2]!, slot.words[(hash >>> 2) + 1]!];
}
