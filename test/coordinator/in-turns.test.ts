import { expect, test } from 'vitest';
import { inTurns } from '../../source/coordinator/in-turns.ts';
import { jobSpec, type Work } from '../../source/model/job.ts';
import type { Connection } from '../../source/wire/connection.ts';
import type { Message } from '../../source/wire/messages.ts';
import { coordinatorHere } from '../helpers/coordinator.ts';

const turn = () => new Promise(setImmediate);
const messages = (count: number, first = 0): Message[] =>
  Array.from({ length: count }, (_, i) => ({ kind: 'abandon', id: first + i }));

/** A connection of which it is seen whether it is held. */
function fakeConnection() {
  const seen = { held: false, open: true };
  const connection = {
    get open() {
      return seen.open;
    },
    hold(on: boolean) {
      seen.held = on;
    },
  };
  return { seen, connection: connection as Connection };
}

test('much that is said at once is taken in several turns, in order, and nothing more is read meanwhile', async () => {
  const { seen, connection } = fakeConnection();
  const taken: number[] = [];
  const listening = inTurns(
    connection,
    (message) => {
      for (const until = performance.now() + 4; performance.now() < until; ); // something to do
      taken.push((message as { id: number }).id);
    },
    () => false,
  );
  listening.add(messages(20));
  expect(taken.length).toBeLessThan(20);
  expect(seen.held).toBe(true);
  const soFar = taken.length;
  listening.add(messages(5, 20)); // of the same piece of bytes
  expect(taken.length).toBe(soFar);
  let turns = 0;
  for (; taken.length < 25; turns++) await turn();
  expect(turns).toBeGreaterThan(3);
  expect(taken).toEqual(Array.from({ length: 25 }, (_, i) => i));
  expect(seen.held).toBe(false);
});

test('what is said while it is busy waits until it goes on', async () => {
  const { seen, connection } = fakeConnection();
  const taken: Message[] = [];
  let busy = false;
  const listening = inTurns(
    connection,
    (message) => {
      taken.push(message);
      busy = taken.length === 3;
    },
    () => busy,
  );
  listening.add(messages(5));
  await turn();
  expect(taken).toHaveLength(3);
  expect(seen.held).toBe(true);
  busy = false;
  listening.goOn();
  await turn();
  expect(taken).toEqual(messages(5));
  expect(seen.held).toBe(false);
});

test('of a connection that has ended nothing more is taken', async () => {
  const { seen, connection } = fakeConnection();
  const taken: Message[] = [];
  const listening = inTurns(
    connection,
    (message) => {
      taken.push(message);
      seen.open = false;
    },
    () => false,
  );
  listening.add(messages(3));
  await turn();
  expect(taken).toHaveLength(1);
});

test('a hundred pages of results that are asked for at once all come', async () => {
  await using here = await coordinatorHere();
  const client = await here.client();
  const work: Work = { kind: 'command', argv: ['true'], shell: false, task: '', input: null };
  const { job } = await client.request('submit', { spec: jobSpec({ work }), upload: null });
  const pages = await Promise.all(
    Array.from({ length: 100 }, () => client.request('results', { job, from: 0, count: 10 })),
  );
  expect(pages.map((rows) => rows.length)).toEqual(Array(100).fill(1));
});
