/** Who may ask what: each role with each verb, at a real coordinator. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../../source/client/client.ts';
import { LbtopError } from '../../source/model/errors.ts';
import { jobSpec } from '../../source/model/job.ts';
import { lookAt, lookShape } from '../../source/view/look.ts';
import { connect } from '../../source/wire/endpoint.ts';
import { type Message, type Role, roles } from '../../source/wire/messages.ts';
import { type VerbArgs, type VerbName, verbs } from '../../source/wire/verbs.ts';
import { coordinatorHere, type HereCoordinator } from '../helpers/coordinator.ts';
import { nodeInfo } from '../scheduler/fleet.ts';

/** Of the job of another: what the roles submitter, operator and viewer may. */
type Cells = readonly [submitter: Cell, operator: Cell, viewer: Cell];
type Cell = 'yes' | 'own' | 'no';

const everybody: Cells = ['yes', 'yes', 'yes'];
const ofJobs: Cells = ['own', 'yes', 'yes'];
const toJobs: Cells = ['own', 'yes', 'no'];
const whole: Cells = ['no', 'yes', 'yes'];
const operators: Cells = ['no', 'yes', 'no'];

/** Written down once more, from what is promised and not from the program. */
const matrix: Readonly<Record<VerbName, Cells>> = {
  status: everybody,
  nodes: everybody,
  policy: everybody,
  upload: ['yes', 'yes', 'no'],
  submit: ['yes', 'yes', 'no'],
  pick: ['yes', 'yes', 'no'],
  redeem: ['yes', 'yes', 'no'],
  wait: ofJobs,
  jobs: everybody, // a submitter sees its own
  tasks: ofJobs,
  results: ofJobs,
  follow: ofJobs,
  logs: ofJobs,
  explain: ofJobs,
  tickets: toJobs,
  'ticket-back': toJobs,
  cancel: toJobs,
  retry: toJobs,
  purge: toJobs,
  'drain-preview': whole,
  events: whole,
  watch: whole,
  look: whole,
  pause: operators,
  drain: operators,
  resume: operators,
  throttle: operators,
  'pause-queue': operators,
  history: operators,
  record: operators,
  'token-create': operators,
  'token-list': operators,
  'token-revoke': operators,
  'secret-rotate': operators,
  shutdown: operators,
};

const clientRoles = ['submitter', 'operator', 'viewer'] as const;
const command = (...argv: string[]) => ({ kind: 'command', argv, shell: false, task: '', input: null }) as const;
const spec = jobSpec({ work: command('true') });
const node = 'none';
const at = { nodes: [node], all: false };
let here: HereCoordinator;
const clients = {} as Record<(typeof clientRoles)[number], Client>;
/** Those of the submitter and of somebody else. */
let own: number;
let others: number;

beforeAll(async () => {
  here = await coordinatorHere();
  for (const role of clientRoles) clients[role] = await here.client({ role, who: `${role}@test` });
  own = (await clients.submitter.request('submit', { spec, upload: null })).job;
  others = (await clients.operator.request('submit', { spec, upload: null })).job;
});
afterAll(() => here[Symbol.asyncDispose]());

/** Arguments that the coordinator understands. */
function argumentsFor(job: number): { [V in VerbName]: VerbArgs<V> } {
  const page = { job, from: 0, count: 10 };
  const whole = { job, index: null };
  return {
    upload: { upload: 1, items: ['x'] },
    submit: { spec, upload: null },
    wait: { jobs: [job] },
    status: {},
    nodes: {},
    jobs: { from: 0, count: 10 },
    tasks: page,
    results: page,
    follow: { job, order: 'end', from: 0 },
    logs: { ...whole, follow: false, tail: null, from: null },
    tickets: { job },
    'ticket-back': { job, ordinal: 0, attempt: 1 },
    redeem: { ticket: { body: new Uint8Array(1), signature: new Uint8Array(64) } },
    cancel: whole,
    retry: { ...whole, onlyFailed: false },
    purge: { job },
    pause: { ...at, reason: '' },
    drain: { ...at, reason: '', now: false, deadlineMs: null },
    'drain-preview': at,
    resume: { ...at, reason: '' },
    throttle: { ...at, share: 1 },
    'pause-queue': { paused: false, reason: '' },
    policy: { policy: null, queue: null },
    pick: {},
    explain: { job, index: 0 },
    events: { last: 1, follow: false },
    watch: { look: lookShape.pack(lookAt('jobs')), rateHz: 1 },
    look: { watch: 1, look: [] },
    history: {},
    record: { file: null },
    'token-create': { role: 'viewer', ttlMs: null, name: null },
    'token-list': {},
    'token-revoke': { token: 'nobody' },
    'secret-rotate': { periodMs: 1_000 },
    shutdown: { reason: 'test' },
  };
}

/** Returns what a role is told: `refused`, or that it is let through, whatever came of it then. */
async function ask(role: (typeof clientRoles)[number], verb: VerbName, job: number): Promise<[string, string]> {
  const client = clients[role];
  const args = argumentsFor(job)[verb];
  try {
    if (verbs[verb].streams) {
      let error: unknown = null;
      const end = (why: unknown): void => {
        error = why;
      };
      const stream = client.open(verb, args as never, () => {}, end);
      await client.request('status', {}); // answered after the refusal, if there is one
      stream.close();
      if (error !== null) throw error;
    } else await client.request(verb, args as never);
    return ['let through', ''];
  } catch (error) {
    if (!(error instanceof LbtopError)) throw error;
    return [error.code === 'refused' ? 'refused' : 'let through', error.message];
  }
}

describe('a client', () => {
  test('each verb stands in the matrix', () => {
    expect(Object.keys(matrix).sort()).toEqual(Object.keys(verbs).sort());
  });

  const cells = clientRoles.flatMap((role, column) =>
    (Object.keys(verbs) as VerbName[]).map((verb) => ({ role, verb, cell: matrix[verb]?.[column] })),
  );
  // Refusals first: nothing may have changed after them.
  const refused = cells.filter(({ cell }) => cell !== 'yes');
  const allowed = cells.filter(({ cell }) => cell !== 'no');

  test.each(refused)('$role may not $verb (of others)', async ({ role, verb, cell }) => {
    const [outcome, message] = await ask(role, verb, others);
    expect(outcome).toBe('refused');
    expect(message).not.toContain('\n');
    if (cell === 'own') expect(message).toContain(`job ${others} is another's`);
    else expect(message).toMatch(new RegExp(`^${verb} needs the role .*, and this connection has the role ${role}$`));
  });

  test('that was refused has changed nothing', () => {
    const { state } = here.coordinator;
    expect([...state.jobs.values()].map((job) => job.counts.queued)).toEqual([1, 1]);
    expect(state.queuePaused).toBe(false);
  });

  test.each(allowed)('$role may $verb', async ({ role, verb, cell }) => {
    expect((await ask(role, verb, cell === 'own' ? own : others))[0]).toBe('let through');
  });

  test('whose action it is stands in the log, done or refused, with its proof', () => {
    const secret = /secret [0-9a-f]{12}/.source;
    for (const [who, what] of [
      ['operator@test \\(operator', 'cancel \\{"job":2,"index":null\\}: done'],
      ['submitter@test \\(submitter', 'cancel \\{"job":2,"index":null\\}: refused: job 2 is another'],
      ['viewer@test \\(viewer', 'pause \\{.*\\}: refused: pause needs the role operator'],
      ['operator@test \\(operator', 'pause \\{"nodes":\\["none"\\],.*\\}: failed: there is no node none'],
    ])
      expect(here.log).toContainEqual(
        expect.stringMatching(`^audit: ${who}, ${secret}\\) at 127\\.0\\.0\\.1:\\d+: ${what}`),
      );
  });

  test('a submitter sees its own jobs only, takes no key of another, and does not wait for the jobs of others', async () => {
    const mine = await clients.submitter.request('jobs', { from: 0, count: 10_000 });
    const by = (id: number) => here.coordinator.state.jobs.get(id)?.by;
    expect(mine.length).toBeGreaterThan(0);
    expect(new Set(mine.map(({ job }) => by(job)))).toEqual(new Set(['submitter@test']));
    await clients.operator.request('submit', { spec: { ...spec, key: 'nightly' }, upload: null });
    const twin = clients.submitter.request('submit', { spec: { ...spec, key: 'nightly' }, upload: null });
    await expect(twin).rejects.toMatchObject({ code: 'refused', message: expect.stringContaining("another's job") });
    const later = clients.submitter.request('submit', { spec: { ...spec, after: [others] }, upload: null });
    await expect(later).rejects.toMatchObject({ code: 'refused' });
  });

  test('switching the policy is for operators', async () => {
    for (const role of ['submitter', 'viewer'] as const)
      await expect(clients[role].request('policy', { policy: 'random', queue: null })).rejects.toMatchObject({
        code: 'refused',
        message: 'switching the policy needs the role operator',
      });
    expect((await clients.operator.request('policy', { policy: 'random', queue: null })).policy).toBe('random');
  });
});

test.each(Object.keys(verbs) as VerbName[])('a node may not %s', async (verb) => {
  const heard: Message[] = [];
  const closed = Promise.withResolvers<string>();
  const connection = await connect({
    host: here.coordinator.host,
    port: here.coordinator.port,
    secret: here.secret,
    role: 'node',
    who: 'node@test',
    version: '0',
    timeoutMs: 5_000,
    events: { messages: (batch) => void heard.push(...batch), closed: closed.resolve },
  });
  const holding = { running: [], waiting: [], ended: [], joins: 0, receipt: null, beatEvery: 1 };
  connection.send({ kind: 'join', name: verb, incarnation: verb, info: nodeInfo(), ...holding });
  connection.send({ kind: 'request', id: 1, verb, args: verbs[verb].args.pack(argumentsFor(others)[verb] as never) });
  await closed.promise;
  expect(heard.filter(({ kind }) => kind === 'reply' || kind === 'item' || kind === 'refuse')).toEqual([
    { kind: 'refuse', code: 'refused', reason: 'a node does not say request' },
  ]);
});

test.each(roles.filter((role) => role !== 'node'))('the role %s does no work of nodes', async (role: Role) => {
  const closed = Promise.withResolvers<string>();
  const connection = await connect({
    host: here.coordinator.host,
    port: here.coordinator.port,
    secret: here.secret,
    role,
    who: 'x@test',
    version: '0',
    timeoutMs: 5_000,
    events: { messages() {}, closed: closed.resolve },
  });
  connection.send({ kind: 'leave', reason: '' });
  expect(await closed.promise).toContain('a client does not say leave');
});

test('a viewer sees no command line, an operator does', async () => {
  const secretive = { ...spec, work: command('deploy', '--password', 'hunter2') };
  const { job } = await clients.operator.request('submit', { spec: secretive, upload: null });
  const look = lookShape.pack(lookAt('job', { of: String(job) }));
  const seen = async (role: 'viewer' | 'operator'): Promise<string> => {
    const first = Promise.withResolvers<unknown>();
    const stream = clients[role].open('watch', { look, rateHz: 1 }, first.resolve, first.reject);
    const text = JSON.stringify(await first.promise);
    stream.close();
    return text;
  };
  expect(await seen('operator')).toContain('hunter2');
  expect(await seen('viewer')).not.toContain('hunter2');
  expect(await seen('viewer')).toContain('hidden from viewers');
});
