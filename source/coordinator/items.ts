/**
 * The items of jobs (lines, JSON inputs): bytes in one buffer a job, because a string each costs three times as much, and
 * because that is how they are stored: a million of them are there again without being looked at one by one.
 */
export interface Items {
  readonly count: number;
  readonly bytes: number;
  /** Returns the item of an ordinal, or null where there is none. */
  get(ordinal: number): string | null;
  /** What `storedItems` makes the same items of. */
  stored(): StoredItems;
}

/** Where each item ends (doubles, little-endian), and all of them as UTF-8, one directly after the other. */
export type StoredItems = readonly [ends: Uint8Array, text: Uint8Array];

/** Returns the items packed: about their length in UTF-8 and 8 bytes each. */
export function packItems(parts: readonly (readonly string[])[]): Items {
  let count = 0;
  let bytes = 0;
  for (const part of parts) {
    count += part.length;
    for (const item of part) bytes += Buffer.byteLength(item);
  }
  const text = Buffer.allocUnsafeSlow(bytes);
  const ends = new Float64Array(count);
  let at = 0;
  let ordinal = 0;
  for (const part of parts) {
    for (const item of part) {
      at += text.write(item, at);
      ends[ordinal++] = at;
    }
  }
  return itemsOf(ends, text);
}

/** Returns items as they were stored, which shares nothing with what was given. */
export function storedItems([ends, text]: StoredItems): Items {
  return itemsOf(new Float64Array(new Uint8Array(ends).buffer), Buffer.from(new Uint8Array(text).buffer));
}

function itemsOf(ends: Float64Array<ArrayBuffer>, text: Buffer): Items {
  const count = ends.length;
  return {
    count,
    bytes: text.length,
    get(ordinal) {
      if (ordinal < 0 || ordinal >= count) return null;
      return text.toString('utf8', ordinal === 0 ? 0 : (ends[ordinal - 1] as number), ends[ordinal] as number);
    },
    stored: () => [new Uint8Array(ends.buffer), text],
  };
}
