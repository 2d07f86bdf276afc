/** Compresses blocks of bytes, none longer than the largest page that travels whole. It keeps nothing from block to block. */
export interface Compressor {
  /** Returns the compressed form of bytes that no other thread writes; it is valid until the next call. */
  compress(bytes: Buffer): Uint8Array;
  /**
   * Fills `into` with what a block holds, which no other thread writes. Returns false if the block is damaged, or holds
   * more or fewer bytes; `into` may then hold anything. Whatever the block says, it takes no more memory than `into`.
   */
  decompress(block: Buffer, into: Uint8Array): boolean;
}
