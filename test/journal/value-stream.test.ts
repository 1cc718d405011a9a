import { expect, test } from 'vitest';
import { packValues, unpackValues } from '../../source/journal/value-stream.ts';

async function back(chunks: Iterable<Uint8Array>): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const value of unpackValues(chunks)) values.push(value);
  return values;
}

test('values come back from chunks of any size, also those that are larger than a chunk', async () => {
  const values = [1, 'two', ['three', null, { four: 4.5 }], 'x'.repeat(1_000), [], 'end'];
  for (const chunkBytes of [1, 2, 3, 5, 64, 999, 100_000]) {
    const chunks = [...packValues(values, chunkBytes)];
    expect(chunks.slice(0, -1).every(({ length }) => length === chunkBytes)).toBe(true);
    expect(await back(chunks)).toEqual(values);
  }
  expect(await back(packValues([], 10))).toEqual([]);
});

test('a stream that was cut is told', async () => {
  const [chunk] = [...packValues(['whole', 'cut'], 100)] as [Uint8Array];
  for (let end = 1; end < chunk.length; end++) {
    if (end === 10) continue; // after the first value: nobody can tell
    await expect(back([chunk.subarray(0, end)])).rejects.toThrow(RangeError);
  }
});
