import { expect, test } from 'vitest';
import { nodeSessions } from '../../source/coordinator/node-session.ts';
import { memoryOutputs } from '../../source/coordinator/outputs.ts';
import type { Event } from '../../source/model/event.ts';
import { emptyState } from '../../source/scheduler/state.ts';
import type { Message } from '../../source/wire/messages.ts';
import { nodeInfo, outcome } from '../scheduler/fleet.ts';

test('an end whose output waits is told after it, and before the goodbye that follows', async () => {
  const events: string[] = [];
  const output = Promise.withResolvers<void>();
  const note = ({ kind }: { kind: Event['kind'] }) => void events.push(kind);
  const sessions = nodeSessions({
    state: emptyState(),
    loop: { post: note, ask: note } as never,
    outputs: { ...memoryOutputs(), pending: ({ ordinal }) => (ordinal === 0 ? output.promise : null) },
    log: () => {},
  });
  const peer = { address: 'test', send: () => {}, close: () => {}, destroy: () => {} };
  const node = sessions.accept(peer as never);
  const say = (message: unknown) => node.messages([message as Message]);
  say({ kind: 'join', name: 'a', incarnation: '1', info: nodeInfo(), running: [], waiting: [], ended: [] });
  say({ kind: 'ended', outcomes: [outcome('1.0#1'), outcome('1.1#1')] });
  say({ kind: 'leave' });
  expect(events).toEqual(['join', 'outcome']);
  output.resolve();
  await new Promise(setImmediate);
  expect(events).toEqual(['join', 'outcome', 'outcome', 'leave']);
});
