import type { GuestMemory } from '../../memory/guest-memory.ts';

interface Zone {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly before: Uint8Array;
}

/** Notices writes beside a guest's RAM: below what a slot uses, between its control area and its RAM, and behind it. */
export class MemoryGuard {
  readonly #zones: readonly Zone[];

  constructor(memories: readonly GuestMemory[]) {
    this.#zones = memories.flatMap(({ slots }) =>
      slots.flatMap(({ buffer, layout }) => {
        const { index, scratch, references, hasReferences, pages, ramOffset, ramBytes } = layout;
        const controlEnd = references + (hasReferences ? 4 * pages : 0);
        const ramEnd = ramOffset + ramBytes;
        const zone = (name: string, from: number, to: number): Zone => {
          const bytes = new Uint8Array(buffer, from, to - from);
          return { name: `${name} slot ${index}`, bytes, before: bytes.slice() };
        };
        return [
          zone('at the beginning of', 0, scratch),
          zone('before the RAM of', controlEnd, ramOffset),
          zone('behind the RAM of', ramEnd, buffer.byteLength),
        ];
      }),
    );
  }

  /** Returns a sentence for each zone that has been written. */
  problems(): string[] {
    return this.#zones
      .filter(({ bytes, before }) => Buffer.compare(bytes, before) !== 0)
      .map(({ name }) => `something was written ${name}`);
  }
}
