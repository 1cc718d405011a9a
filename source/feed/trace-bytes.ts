/** Checksums and compression of traces: the only file of this room that knows node:zlib. */
import { promisify } from 'node:util';
import { constants, crc32, zstdCompress, zstdDecompressSync } from 'node:zlib';

/** What a block's payload may become when it is expanded; it says so before anything is allocated. */
export const payloadBytes = 64 * 1024 * 1024;

const leastChunkBytes = 16 * 1024;
const mostChunkBytes = 1024 * 1024;

const compress = promisify(zstdCompress);
const level = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };

/** Returns the CRC-32 of the bytes, continued from `before`. */
export function checksum(bytes: Uint8Array, before = 0): number {
  return crc32(bytes, before);
}

/** Returns the bytes as one Zstandard frame, made on a thread of its own. */
export function squeeze(bytes: Uint8Array): Promise<Buffer> {
  return compress(bytes, level);
}

/** Returns what was squeezed. Throws where it is not a Zstandard frame or more than `payloadBytes`. */
export function expand(bytes: Uint8Array): Buffer {
  // One buffer that is probably large enough: putting pieces together takes longer than expanding.
  const chunkSize = Math.min(mostChunkBytes, Math.max(leastChunkBytes, bytes.length * 8));
  return zstdDecompressSync(bytes, { maxOutputLength: payloadBytes, chunkSize });
}
