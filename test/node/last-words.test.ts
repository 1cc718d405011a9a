/** What a shell adds to a program's stderr is taken away, and nothing else. */
import { expect, test } from 'vitest';
import { lastWords } from '../../source/node/runners/last-words.ts';
import fc from '../arbitrary.ts';

/** Time that passes when it is told to. */
function manual() {
  let nowMs = 0;
  const timers = new Map<() => void, number>();
  return {
    now: () => nowMs,
    after(ms: number, then: () => void) {
      const once = (): void => {
        timers.delete(once);
        then();
      };
      timers.set(once, nowMs + ms);
      return () => timers.delete(once);
    },
    pass(ms: number) {
      for (const end = nowMs + ms; nowMs < end; nowMs++) for (const [due, at] of timers) if (at <= nowMs) due();
    },
    get waiting() {
      return timers.size;
    },
  };
}

const chunk = fc.uint8Array({ minLength: 1, maxLength: 300 });

test('whatever the pieces, and whenever the end is known: all bytes but the last words, in order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(chunk, fc.nat(70)), { maxLength: 12 }),
      fc.string({ unit: 'binary-ascii', minLength: 0, maxLength: 48 }),
      fc.nat(12),
      fc.nat(48),
      (pieces, text, knownAt, cut) => {
        const clock = manual();
        const heard: number[] = [];
        const said = Buffer.from(text, 'latin1');
        let talking = false;
        const hand = (bytes: Uint8Array): boolean => {
          heard.push(...bytes);
          return true;
        };
        const words = lastWords(hand, () => talking, clock);
        for (const [i, [bytes, restMs]] of pieces.entries()) {
          if (i === knownAt) words.ended(said.length);
          words.take(bytes);
          clock.pass(restMs);
        }
        talking = said.length > 0;
        // What a shell says at once may be read in two pieces, and long before how it ended is.
        const at = Math.min(cut, said.length);
        for (const piece of [said.subarray(0, at), said.subarray(at)]) if (piece.length > 0) words.take(piece);
        clock.pass(500);
        words.ended(said.length);
        words.close();
        expect(heard).toEqual(pieces.flatMap(([bytes]) => [...bytes]));
        expect(clock.waiting).toBe(0);
      },
    ),
  );
});

test('what a program wrote is handed on a moment later while it runs', () => {
  const clock = manual();
  const heard: string[] = [];
  const hand = (bytes: Uint8Array): boolean => heard.push(Buffer.from(bytes).toString()) > 0;
  const words = lastWords(hand, () => false, clock);
  words.take(Buffer.from('one\n'));
  expect(heard).toEqual([]);
  clock.pass(60);
  words.take(Buffer.from(`${'x'.repeat(200)}\n`));
  expect(heard).toEqual(['one\n', 'x'.repeat(73)]);
  clock.pass(60);
  expect(heard.join('')).toBe(`one\n${'x'.repeat(200)}\n`);
});

test('whether more is wanted is what the receiver says', () => {
  const words = lastWords(
    () => false,
    () => false,
    manual(),
  );
  expect(words.take(Buffer.from('kept'))).toBe(true);
  expect(words.take(Buffer.alloc(200))).toBe(false);
});

test('of a program that never began it tells what the shell said', () => {
  const heard: Uint8Array[] = [];
  const clock = manual();
  const words = lastWords(
    (bytes) => heard.push(bytes) > 0,
    () => true,
    clock,
  );
  words.take(Buffer.from('sh: 1: Cannot fork\n'));
  expect(words.refused()).toBe('sh: 1: Cannot fork\n');
  words.close();
  expect([heard, clock.waiting]).toEqual([[], 0]);
});
