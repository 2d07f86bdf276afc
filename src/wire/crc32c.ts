/**
 * What each value of a byte adds to a CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), the CRC
 * that iSCSI and QEMU's block layer use.
 */
const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** What a byte adds when one, two or three more bytes follow it, so that one step can take four bytes. */
const TABLE_1 = TABLE.map(later);
const TABLE_2 = TABLE_1.map(later);
const TABLE_3 = TABLE_2.map(later);

function later(crc: number): number {
  return TABLE[crc & 0xff]! ^ (crc >>> 8);
}

/**
 * Returns the CRC-32C of bytes [from, to) as an unsigned 32-bit number. `seed` is the CRC of the bytes
 * before them, for a sum over several pieces.
 */
export function crc32c(bytes: Uint8Array, from: number, to: number, seed = 0): number {
  let crc = ~seed;
  let i = from;
  for (; i + 4 <= to; i += 4) {
    crc =
      TABLE_3[(crc ^ bytes[i]!) & 0xff]! ^
      TABLE_2[((crc >>> 8) ^ bytes[i + 1]!) & 0xff]! ^
      TABLE_1[((crc >>> 16) ^ bytes[i + 2]!) & 0xff]! ^
      TABLE[(crc >>> 24) ^ bytes[i + 3]!]!;
  }
  for (; i < to; i++) crc = TABLE[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}
