/**
 * Tells whether bytes are plain MessagePack, before anything is built from them: nil, booleans, numbers, strings,
 * binary, arrays and maps with string keys, each whole, nested at most so deep. Everything else that a decoder might
 * make of foreign bytes (dates, expressions, sets, errors, record definitions that stay for the next message, values
 * that refer to each other) is an extension type, and extension types are refused here.
 */

/** Bytes that are not plain MessagePack. */
export class PlainError extends Error {
  override readonly name = 'PlainError';
}

const special = 255;

/** For each first byte of a value, how many bytes the value takes; `special` where that has to be worked out. */
const sizes = Uint8Array.from({ length: 256 }, (_, first) => {
  if (first < 0x80 || first >= 0xe0) return 1; // small integers
  if (first >= 0xa0 && first < 0xc0) return 1 + (first - 0xa0); // short strings
  return { 192: 1, 194: 1, 195: 1, 202: 5, 203: 9, 204: 2, 205: 3, 206: 5, 208: 2, 209: 3, 210: 5 }[first] ?? special;
});

/** Above it a 64-bit integer's high half makes it more than JavaScript's numbers hold exactly. */
const highestHalf = 0x1f_ffff;
const lowestHalf = -0x20_0000;
const forbiddenKey = Buffer.from('__proto__');

/** The containers around the place that is looked at, innermost last: how many values they still lack. */
const deepest = 256;
const lacking = new Uint32Array(deepest);
const isMap = new Uint8Array(deepest);

/**
 * Checks that `bytes` are exactly one plain value nested at most `maxDepth` (up to 255) deep. Throws PlainError.
 * Takes time in proportion to the values and builds nothing.
 */
export function checkPlain(bytes: Buffer, maxDepth: number): void {
  const end = plainEnd(bytes, 0, maxDepth);
  if (end !== bytes.length) throw new PlainError(`${bytes.length - end} bytes after the value`);
}

/**
 * Returns where each element of the list that begins at `from` begins, and last where the list ends; null where there is
 * no list. Throws PlainError where its elements are not plain values.
 */
export function plainElements(bytes: Buffer, from: number, maxDepth: number): number[] | null {
  const first = bytes[from] ?? 0;
  const short = first >= 0x90 && first < 0xa0;
  const sizeBytes = { 220: 2, 221: 4 }[first] ?? 0;
  if ((!short && sizeBytes === 0) || from + 1 + sizeBytes > bytes.length) return null;
  const count = short ? first & 0x0f : bytes.readUIntBE(from + 1, sizeBytes);
  const places = [from + 1 + sizeBytes];
  for (let i = 0; i < count; i++) places.push(plainEnd(bytes, places[i] as number, maxDepth));
  return places;
}

/** Returns where the plain value that begins at `from` ends. Throws PlainError. */
function plainEnd(bytes: Buffer, from: number, maxDepth: number): number {
  const end = bytes.length;
  let depth = 0;
  let at = from;
  let lacks = 1;
  let inMap = 0;
  for (;;) {
    while (lacks === 0) {
      if (depth === 0) return at;
      depth -= 1;
      lacks = lacking[depth] as number;
      inMap = isMap[depth] as number;
    }
    if (at >= end) throw new PlainError('the value is cut');
    const first = bytes[at] as number;
    if (inMap === 1 && lacks % 2 === 0) checkKey(bytes, at, first);
    lacks -= 1;
    const size = sizes[first] as number;
    if (size !== special) {
      at += size;
      if (at > end) throw new PlainError('the value is cut');
      continue;
    }
    const container = first < 0xa0 || (first >= 0xdc && first <= 0xdf);
    if (!container) {
      at += sizeOf(bytes, at, first);
      if (at > end) throw new PlainError('the value is cut');
      continue;
    }
    const map = first < 0x90 || first >= 0xde;
    let count = first & 0x0f;
    if (first < 0xa0) at += 1;
    else if (first === 0xdc || first === 0xde) {
      count = at + 3 > end ? end : bytes.readUInt16BE(at + 1);
      at += 3;
    } else {
      count = at + 5 > end ? end : bytes.readUInt32BE(at + 1);
      at += 5;
    }
    if (map) count *= 2;
    if (count > end - at) throw new PlainError('more elements than bytes'); // each takes at least one
    if (depth >= maxDepth) throw new PlainError(`nested more than ${maxDepth} deep`);
    lacking[depth] = lacks;
    isMap[depth] = inMap;
    depth += 1;
    lacks = count;
    inMap = map ? 1 : 0;
  }
}

/** The size of a value whose first byte does not tell it alone. */
function sizeOf(bytes: Buffer, at: number, first: number): number {
  const left = bytes.length - at;
  switch (first) {
    case 0xc4: // binary
    case 0xd9: // text
      return left < 2 ? left + 1 : 2 + bytes.readUInt8(at + 1);
    case 0xc5:
    case 0xda:
      return left < 3 ? left + 1 : 3 + bytes.readUInt16BE(at + 1);
    case 0xc6:
    case 0xdb:
      return left < 5 ? left + 1 : 5 + bytes.readUInt32BE(at + 1);
    case 0xcf:
      if (left >= 9 && bytes.readUInt32BE(at + 1) > highestHalf) throw new PlainError('an integer above 2^53');
      return 9;
    case 0xd3: {
      const half = left < 9 ? 0 : bytes.readInt32BE(at + 1);
      if (half > highestHalf || half < lowestHalf) throw new PlainError('an integer beyond 2^53');
      return 9;
    }
    default:
      throw new PlainError(`a value of the type 0x${first.toString(16)}`);
  }
}

/** Keys are strings; `__proto__` is refused because a decoder could only rename it. */
function checkKey(bytes: Buffer, at: number, first: number): void {
  const short = first >= 0xa0 && first < 0xc0;
  if (!short && (first < 0xd9 || first > 0xdb)) throw new PlainError('a map key that is not a string');
  const head = short ? 1 : 2 ** (first - 0xd9) + 1;
  const size = short ? first - 0xa0 : at + head > bytes.length ? 0 : bytes.readUIntBE(at + 1, head - 1);
  if (size === forbiddenKey.length && forbiddenKey.equals(bytes.subarray(at + head, at + head + size)))
    throw new PlainError('a map key __proto__');
}
