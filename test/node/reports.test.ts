/** When a node says what its tasks did: as one message where that costs nobody time. */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Outcome } from '../../source/model/node.ts';
import { endedAttempt } from '../../source/node/attempt.ts';
import { type Reports, reports } from '../../source/node/reports.ts';
import type { Message } from '../../source/wire/messages.ts';
import { outcome } from '../scheduler/fleet.ts';

interface Desk {
  readonly said: Reports;
  readonly sent: string[];
  /** What waits for its time. */
  readonly timers: Set<() => void>;
  hasWork: boolean;
  end(of: string): void;
}

function desk(): Desk {
  const sent: string[] = [];
  const timers = new Set<() => void>();
  const it: Desk = {
    sent,
    timers,
    hasWork: false,
    said: reports({
      send: (message: Message) => sent.push(`${message.kind} ${ordinals(message)}`),
      beforeOutcomes: () => sent.push('on disk'),
      hasWork: () => it.hasWork,
      clock: {
        now: () => 0,
        after(_, then) {
          timers.add(then);
          return () => timers.delete(then);
        },
      },
    }),
    end: (of) => it.said.ended(endedAttempt(outcome(of))),
  };
  return it;
}

function ordinals(message: Message): string {
  return message.kind === 'ended' ? message.outcomes.map(({ ordinal }: Outcome) => ordinal).join(' ') : '';
}

test('an end is said at once where no other task waits', async () => {
  const at = desk();
  at.end('1.0#1');
  await turn();
  expect(at.sent).toEqual(['on disk', 'ended 0']);
  expect(at.timers.size).toBe(0);
});

test('with tasks that wait it waits a moment for the next end', async () => {
  const at = desk();
  at.hasWork = true;
  at.end('1.0#1');
  await turn();
  expect([at.sent, at.timers.size]).toEqual([[], 1]);
  at.end('1.1#1');
  await turn();
  expect(at.timers.size).toBe(1);
  for (const due of [...at.timers]) due();
  expect(at.sent).toEqual(['on disk', 'ended 0 1']);
});

test('the last waiting task began meanwhile: it is said at once, with what waited', async () => {
  const at = desk();
  at.hasWork = true;
  at.end('1.0#1');
  await turn();
  at.hasWork = false;
  at.end('1.1#1');
  await turn();
  expect(at.sent).toEqual(['on disk', 'ended 0 1']);
  expect(at.timers.size).toBe(0);
});

test('a broken connection, or leaving, waits for nothing', async () => {
  const at = desk();
  at.hasWork = true;
  at.end('1.0#1');
  await turn();
  at.said.flush();
  expect([at.sent, at.timers.size]).toEqual([['on disk', 'ended 0'], 0]);
  at.end('1.1#1');
  await turn();
  at.said.clear();
  expect(at.timers.size).toBe(0);
  await turn();
  expect(at.sent).toEqual(['on disk', 'ended 0']);
});
