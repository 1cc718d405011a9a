/**
 * Values as one stream of bytes, cut into chunks of a store's size, because a single value (a job with a large stdin) may
 * be larger than a chunk: of each value [u32 length][MessagePack], little-endian.
 */
import { packValue, unpackValue } from '../wire/codec.ts';

const headBytes = 4;

/** Yields the chunks, each `chunkBytes` long but the last; none where there are no values. */
export function* packValues(values: Iterable<unknown>, chunkBytes: number): Generator<Uint8Array> {
  let chunk = Buffer.allocUnsafe(chunkBytes);
  let filled = 0;
  for (const value of values) {
    const packed = packValue(value, headBytes);
    packed.writeUInt32LE(packed.length - headBytes, 0);
    for (let at = 0; at < packed.length; ) {
      const copied = packed.copy(chunk, filled, at);
      at += copied;
      filled += copied;
      if (filled < chunkBytes) continue;
      yield chunk;
      chunk = Buffer.allocUnsafe(chunkBytes);
      filled = 0;
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}

/** Yields the values again. Throws PlainError where a value cannot be read, RangeError where the last one is not whole. */
export async function* unpackValues(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<unknown, void, undefined> {
  let parts: Buffer[] = [];
  let held = 0;
  let needed = headBytes;
  for await (const chunk of chunks) {
    parts.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
    held += chunk.length;
    if (held < needed) continue;
    const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    let at = 0;
    for (needed = headBytes; bytes.length - at >= needed; needed = headBytes) {
      needed += bytes.readUInt32LE(at);
      if (bytes.length - at < needed) break;
      yield unpackValue(bytes.subarray(at + headBytes, at + needed));
      at += needed;
    }
    parts = [bytes.subarray(at)];
    held = bytes.length - at;
  }
  if (held > 0) throw new RangeError(`${held} bytes of a value that is not whole`);
}
