import { expect, test } from 'vitest';
import { atTurnEnd, beforeWrites, endTurn } from '../../source/wire/turn-end.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('what is to be done comes before what is to be written, whichever was told first', async () => {
  const seen: string[] = [];
  atTurnEnd(() => seen.push('written'));
  beforeWrites(() => {
    seen.push('done');
    atTurnEnd(() => seen.push('written too'));
  });
  expect(seen).toEqual([]);
  await turn();
  expect(seen).toEqual(['done', 'written', 'written too']);
});

test('what asks to be done again comes in the next turn', async () => {
  let times = 0;
  const again = (): void => {
    times++;
    if (times < 3) beforeWrites(again);
  };
  beforeWrites(again);
  await turn();
  expect(times).toBe(1);
  await turn();
  await turn();
  expect(times).toBe(3);
});

test('whoever ends a turn in the check phase has what its promises cause written in it, once', async () => {
  const seen: string[] = [];
  const over = Promise.withResolvers<void>();
  setImmediate(() => {
    void Promise.resolve()
      .then(() => {})
      .then(() => atTurnEnd(() => seen.push('written')));
    endTurn();
    setImmediate(() => {
      seen.push('next turn');
      over.resolve();
    });
  });
  await over.promise;
  await turn();
  expect(seen).toEqual(['written', 'next turn']);
});
