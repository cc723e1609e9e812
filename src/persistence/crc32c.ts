/** CRC-32C (Castagnoli), as iSCSI, ext4 and others use it. Node's zlib only has the CRC-32 of gzip. */

/** Slicing by four: `TABLES[k][b]` is what the byte `b` does to the sum with `k` more bytes behind it. */
const TABLES = Array.from({ length: 4 }, () => new Int32Array(256));
const [LAST, THIRD, SECOND, FIRST] = TABLES as [Int32Array, Int32Array, Int32Array, Int32Array];

for (let byte = 0; byte < 256; byte++) {
  let sum = byte;
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0x82f63b78 : sum >>> 1;
  LAST[byte] = sum;
}
for (let byte = 0; byte < 256; byte++) {
  for (let k = 1; k < 4; k++) {
    const sum = TABLES[k - 1]![byte]!;
    TABLES[k]![byte] = (sum >>> 8) ^ LAST[sum & 0xff]!;
  }
}

/** The CRC-32C of bytes `start` to `end`, as an unsigned number. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let sum = -1;
  let at = start;
  for (const whole = end - 3; at < whole; at += 4) {
    sum ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    sum = FIRST[sum & 0xff]! ^ SECOND[(sum >>> 8) & 0xff]! ^ THIRD[(sum >>> 16) & 0xff]! ^ LAST[sum >>> 24]!;
  }
  for (; at < end; at++) sum = (sum >>> 8) ^ LAST[(sum ^ bytes[at]!) & 0xff]!;
  return ~sum >>> 0;
}
