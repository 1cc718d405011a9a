/** Items that come ahead of a submission, and how much of them one client may leave at a coordinator. */
import { expect, test } from 'vitest';
import type { Caller, Desk } from '../../source/coordinator/answers.ts';
import { answers } from '../../source/coordinator/answers.ts';
import { limits } from '../../source/model/limits.ts';

const part = 'ä'.repeat(limits.itemBytes / 4); // half of the most, in bytes
const parts = limits.itemsBytes / (limits.itemBytes / 2);

function client() {
  const caller = { who: 'ana', reach: 'own', uploads: new Map() } as unknown as Caller;
  const upload = (id: number, items: string[]) => answers.upload({ upload: id, items }, {} as Desk, caller);
  return { caller, upload };
}

test('all uploads of a client together hold no more than one may', () => {
  const { caller, upload } = client();
  for (let i = 0; i < parts; i++) upload(i % 4, [part]);
  for (const id of [0, 4])
    expect(() => upload(id, ['x'])).toThrow(/too many uploads at once: submit what was uploaded/);
  caller.uploads.delete(0); // as a submission does
  upload(4, [part]);
  expect([...caller.uploads.values()].reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(
    limits.itemsBytes,
  );
});

test('one upload is refused by its bytes, and what was refused is not counted', () => {
  const { caller, upload } = client();
  for (let i = 0; i < parts; i++) upload(1, [part]);
  expect(() => upload(1, ['x'])).toThrow(/the items are larger than/);
  expect(caller.uploads.get(1)).toMatchObject({ bytes: limits.itemsBytes, count: parts });
});

test('no more than sixteen at once, and nothing is kept of what holds nothing', () => {
  const { caller, upload } = client();
  for (let id = 0; id < 16; id++) for (let i = 0; i < 100; i++) upload(id, []);
  expect(() => upload(16, ['x'])).toThrow(/too many uploads/);
  expect([...caller.uploads.values()].every(({ parts }) => parts.length === 0)).toBe(true);
});
