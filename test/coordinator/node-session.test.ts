import { expect, test, vi } from 'vitest';
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
    loop: { post: note, gather: note, ask: note, report: note } as never,
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

test('a join that was held up on a connection that its node gave up is passed over', () => {
  const events: string[] = [];
  const sessions = nodeSessions({
    state: emptyState(),
    loop: { post: ({ kind }: { kind: Event['kind'] }) => void events.push(kind) } as never,
    outputs: memoryOutputs(),
    log: () => {},
  });
  const connect = () => {
    const closed: string[] = [];
    const peer = { address: 'test', send: () => {}, close: (why: string) => closed.push(why), destroy: () => {} };
    const { messages } = sessions.accept(peer as never);
    const join = (joins: number, incarnation = '1') =>
      messages([
        {
          kind: 'join',
          name: 'a',
          incarnation,
          info: nodeInfo(),
          running: [],
          waiting: [],
          ended: [],
          joins,
          receipt: null,
          beatEvery: 1,
        } as Message,
      ]);
    return { closed, join };
  };
  const [first, second, third] = [connect(), connect(), connect()];
  second.join(2);
  const holder = sessions.get('a');
  first.join(1);
  expect(first.closed).toEqual(['the node has connected again since']);
  expect(sessions.get('a')).toBe(holder);
  expect(events).toEqual(['join']);
  // Another process of that name counts anew, and one that does not count is taken as it comes.
  third.join(1, '2');
  expect(events).toEqual(['join', 'join']);
  connect().join(0, '2');
  expect(events).toEqual(['join', 'join', 'join']);
});

test('a heartbeat is one event; bytes alone are one as well, now and then', () => {
  const events: string[] = [];
  const note = ({ kind }: { kind: Event['kind'] }) => void events.push(kind);
  const sessions = nodeSessions({
    state: emptyState(),
    loop: { post: note, gather: note } as never,
    outputs: memoryOutputs(),
    log: () => {},
  });
  const node = sessions.accept({ address: 'test', send() {}, close() {}, destroy() {} } as never);
  const holding = { running: [], waiting: [], ended: [], joins: 1, receipt: null, beatEvery: 1 };
  node.messages([{ kind: 'join', name: 'a', incarnation: '1', info: nodeInfo(), ...holding }]);
  const sample = { cpu: 0, cpuOurs: 0, memoryUsed: 0, memoryOurs: 0, load1: 0, running: 0, waiting: 0 };
  node.messages([{ kind: 'heartbeat', seq: 1, seen: 0, sample }]);
  node.heard?.();
  expect(events).toEqual(['join', 'heartbeat']);
  vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 600);
  node.heard?.();
  node.heard?.();
  expect(events).toEqual(['join', 'heartbeat', 'heard']);
  vi.restoreAllMocks();
});

test.each([1, 3])('of %i heartbeats one is answered where the node asked for that', (beatEvery) => {
  const sessions = nodeSessions({
    state: emptyState(),
    loop: { post() {}, gather() {} } as never,
    outputs: memoryOutputs(),
    log: () => {},
  });
  const answered: number[] = [];
  const send = (message: Message) => void (message.kind === 'beat' && answered.push(message.seq));
  const node = sessions.accept({ address: 'test', send, close: () => {}, destroy: () => {} } as never);
  const holding = { running: [], waiting: [], ended: [], joins: 1, receipt: null, beatEvery };
  node.messages([{ kind: 'join', name: 'a', incarnation: '1', info: nodeInfo(), ...holding }]);
  const sample = { cpu: 0, cpuOurs: 0, memoryUsed: 0, memoryOurs: 0, load1: 0, running: 0, waiting: 0 };
  for (let seq = 1; seq <= 7; seq++) node.messages([{ kind: 'heartbeat', seq, seen: 0, sample }]);
  expect(answered).toEqual([1, 2, 3, 4, 5, 6, 7].filter((seq) => seq % beatEvery === 0));
});
