/** A node with the right key that says what is not so: of tasks that others hold, or nobody, and in the name of others. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Client } from '../../source/client/client.ts';
import type { Connection } from '../../source/wire/connection.ts';
import { connect } from '../../source/wire/endpoint.ts';
import type { Message, MessageOf } from '../../source/wire/messages.ts';
import { coordinatorHere, type HereCoordinator } from '../helpers/coordinator.ts';
import { nodeInfo, outcome, spec } from '../scheduler/fleet.ts';

interface Peer {
  connection: Connection;
  heard: Message[];
  closed: Promise<string>;
  say(...messages: Message[]): void;
}

let here: HereCoordinator;
let operator: Client;
/** Holds all tasks of the first job. */
let honest: Peer;
let held: { job: number; ordinal: number; attempt: number }[];

async function node(name: string, slots: number, given: Partial<MessageOf<'join'>> = {}): Promise<Peer> {
  const heard: Message[] = [];
  const closed = Promise.withResolvers<string>();
  const connection = await connect({
    host: here.coordinator.host,
    port: here.coordinator.port,
    secret: here.secret,
    role: 'node',
    who: `${name}@test`,
    version: '0',
    timeoutMs: 5_000,
    events: { messages: (batch) => void heard.push(...batch), closed: closed.resolve },
  });
  const holding = { running: [], waiting: [], ended: [], joins: 1, receipt: null, beatEvery: 1, ...given };
  connection.send({ kind: 'join', name, incarnation: name, info: nodeInfo({ slots }), ...holding });
  const say = (...messages: Message[]) => {
    for (const message of messages) connection.send(message);
  };
  return { connection, heard, closed: closed.promise, say };
}

/** All that it said before was taken when this is answered. */
async function taken(peer: Peer): Promise<void> {
  const seq = Math.floor(Math.random() * 1e9);
  const sample = { cpu: 0, cpuOurs: 0, memoryUsed: 0, memoryOurs: 0, load1: 0, running: 0, waiting: 0 };
  peer.say({ kind: 'heartbeat', seq, seen: 0, sample });
  await vi.waitFor(() => expect(peer.heard).toContainEqual({ kind: 'beat', seq }));
}

const states = async () =>
  (await operator.request('tasks', { job: 1, from: 0, count: 10 })).map(({ state, node, attempt }) => ({
    state,
    node,
    attempt,
  }));

beforeAll(async () => {
  here = await coordinatorHere();
  operator = await here.client();
  honest = await node('honest', 4);
  await vi.waitFor(() => expect(honest.heard.some(({ kind }) => kind === 'joined')).toBe(true));
  await operator.request('submit', { spec: spec(4), upload: null });
  const assigned = () =>
    honest.heard.flatMap((one) =>
      one.kind === 'assign'
        ? one.tasks.map((task) => ({ job: one.job, ordinal: task.ordinal, attempt: task.attempt }))
        : [],
    );
  await vi.waitFor(() => expect(assigned()).toHaveLength(4));
  held = assigned();
  honest.say({ kind: 'started', attempts: held.slice(0, 2) });
  await taken(honest);
});
afterAll(() => here[Symbol.asyncDispose]());

test('what it says of the tasks of another node changes nothing of them', async () => {
  const before = await states();
  expect(before.map(({ state }) => state)).toEqual(['running', 'running', 'assigned', 'assigned']);
  const liar = await node('liar', 1);
  const all = (make: (of: (typeof held)[0]) => Message): Message[] => held.map(make);
  const data = new TextEncoder().encode('lies');
  liar.say(
    { kind: 'started', attempts: held },
    ...all((of) => ({ kind: 'progress', ...of, share: 1, note: 'lies' })),
    ...all((of) => ({ kind: 'output', ...of, stream: 1, offset: 0, data, cut: 0 })),
    {
      kind: 'ended',
      outcomes: held.map((of) => outcome(`${of.job}.${of.ordinal}#${of.attempt}`, { result: '"lies"' })),
    },
    {
      kind: 'ended',
      outcomes: held.map((of) => outcome(`${of.job}.${of.ordinal}#${of.attempt}`, { outcome: 'failed', exitCode: 1 })),
    },
    { kind: 'ended', outcomes: held.map((of) => outcome(`${of.job}.${of.ordinal}#${of.attempt + 1}`)) },
    { kind: 'ended', outcomes: [outcome('99.0#1'), outcome('1.999#1')] },
    { kind: 'returned', attempts: held },
  );
  await taken(liar);
  expect(await states()).toEqual(before);
  const { state } = here.coordinator;
  expect({ reexecuted: state.reexecuted, lateResults: state.lateResults }).toEqual({ reexecuted: 0, lateResults: 0 });
  expect(state.nodes.get('liar')).toMatchObject({ succeeded: 0, failed: 0 });
  expect(JSON.stringify(await operator.request('results', { job: 1, from: 0, count: 10 }))).not.toContain('lies');
  liar.connection.close('');
});

test('it is told of no task but its own: neither what runs elsewhere nor what that writes', async () => {
  const liar = await node('curious', 1);
  for (const { job, ordinal, attempt } of held)
    honest.say({
      kind: 'output',
      job,
      ordinal,
      attempt,
      stream: 1,
      offset: 0,
      data: new TextEncoder().encode('own words'),
      cut: 0,
    });
  await taken(honest);
  await taken(liar);
  expect(new Set(liar.heard.map(({ kind }) => kind))).toEqual(new Set(['joined', 'beat']));
  expect(Buffer.from(JSON.stringify(liar.heard)).includes('own words')).toBe(false);
  liar.connection.close('');
});

test('that it holds the tasks of another is not believed: it is to stop them', async () => {
  const before = await states();
  const liar = await node('claimant', 4, {
    running: held.slice(0, 2),
    waiting: held.slice(2, 3),
    ended: held.slice(3),
  });
  await taken(liar);
  expect(await states()).toEqual(before);
  const stopped = liar.heard.flatMap((one) => (one.kind === 'stop' ? one.attempts : []));
  expect(stopped).toEqual(expect.arrayContaining(held.slice(0, 3)));
  liar.connection.close('');
});

test('the name of a node that is up is not to be had, and that node goes on', async () => {
  const thief = await node('honest', 4, { incarnation: 'thief' });
  expect(await thief.closed).toMatch(/a node named honest is connected from/);
  await taken(honest);
  expect(honest.connection.open).toBe(true);
  expect((await states()).map(({ node }) => node)).toEqual(['honest', 'honest', 'honest', 'honest']);
});

test('its own tasks end as it says, once', async () => {
  const ends = held.map((of) => outcome(`${of.job}.${of.ordinal}#${of.attempt}`));
  honest.say(
    { kind: 'ended', outcomes: ends },
    { kind: 'ended', outcomes: ends.map((end) => ({ ...end, outcome: 'failed' as const, exitCode: 1 })) },
  );
  await taken(honest);
  expect((await states()).map(({ state }) => state)).toEqual(['succeeded', 'succeeded', 'succeeded', 'succeeded']);
  expect(here.coordinator.state.nodes.get('honest')).toMatchObject({ succeeded: 4, failed: 0 });
});
