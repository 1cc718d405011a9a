/** The items of jobs (lines, JSON inputs): bytes in one buffer a job, because a string each costs three times as much. */
export interface Items {
  readonly count: number;
  readonly bytes: number;
  /** Returns the item of an ordinal, or null where there is none. */
  get(ordinal: number): string | null;
}

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
  return {
    count,
    bytes,
    get(ordinal) {
      if (ordinal < 0 || ordinal >= count) return null;
      return text.toString('utf8', ordinal === 0 ? 0 : (ends[ordinal - 1] as number), ends[ordinal] as number);
    },
  };
}
