/** Tokens and the change of the secret: who gets in, who is put out, and what of it outlives the coordinator. */
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LbtopError } from '../../source/model/errors.ts';
import { jobSpec } from '../../source/model/job.ts';
import { lookAt, lookShape } from '../../source/view/look.ts';
import { type OwnKey, readToken } from '../../source/wire/credential.ts';
import { connect } from '../../source/wire/endpoint.ts';
import type { Message, Role } from '../../source/wire/messages.ts';
import { roles } from '../../source/wire/messages.ts';
import { loadFormerSecret, loadSecret, replaceSecret, secretText } from '../../source/wire/secret.ts';
import { verbs } from '../../source/wire/verbs.ts';
import { coordinatorHere, type HereCoordinator } from '../helpers/coordinator.ts';
import { engineMissing, startEngine } from '../helpers/engine.ts';

let directory: string;
let umask: number;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lbtop-'));
  umask = process.umask(0);
});
afterEach(() => {
  process.umask(umask);
  rmSync(directory, { recursive: true });
});

const spec = jobSpec({ work: { kind: 'command', argv: ['true'], shell: false, task: '', input: null } });

async function make(here: HereCoordinator, role: Role, more: { ttlMs?: number; name?: string } = {}) {
  const operator = await here.client();
  const made = await operator.request('token-create', { role, ttlMs: null, name: null, ...more });
  return { ...made, key: readToken(`${made.token}\n`) as OwnKey };
}

/** A connection, what is said on it, and why it ended. */
async function speak(here: HereCoordinator, key: OwnKey | Buffer, role: Role) {
  const heard: Message[] = [];
  const closed = Promise.withResolvers<string>();
  const connection = await connect({
    host: '127.0.0.1',
    port: here.coordinator.port,
    secret: key,
    role,
    who: 'somebody@else',
    version: '1',
    timeoutMs: 5_000,
    events: { messages: (batch) => void heard.push(...batch), closed: closed.resolve },
  });
  return { connection, heard, closed: closed.promise };
}

async function failure(promise: Promise<unknown>): Promise<LbtopError> {
  const error = await promise.then(
    () => expect.unreachable('it should have failed'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LbtopError);
  return error as LbtopError;
}

test.each(roles)('a token of the role %s opens that role and no other, under its own name', async (role) => {
  await using here = await coordinatorHere();
  const { key, id, name } = await make(here, role, { name: 'ana' });
  expect(name).toBe('ana');
  const { connection } = await speak(here, key, role);
  expect(connection.open).toBe(true);
  const operator = await here.client();
  expect(await operator.request('token-list', {})).toMatchObject([{ id, role, state: 'valid', connections: 1 }]);
  for (const other of roles.filter((one) => one !== role)) {
    const error = await failure(speak(here, { ...key, role: other }, other));
    expect(error).toMatchObject({ code: 'refused', message: expect.stringContaining(`with the key of ${role}`) });
    const wrong = { ...key, role: other, identity: `${other}:${id}` };
    expect(await failure(speak(here, wrong, other))).toMatchObject({ code: 'refused' });
  }
});

test('what a submitter with a token submits is its own, whatever it says of itself', async () => {
  await using here = await coordinatorHere();
  const [ana, ben] = [await make(here, 'submitter', { name: 'ana' }), await make(here, 'submitter')];
  const asAna = await here.client({ secret: ana.key, who: 'root@desk' });
  const { job } = await asAna.request('submit', { spec, upload: null });
  expect(here.coordinator.state.jobs.get(job)?.by).toBe('ana');
  const asBen = await here.client({ secret: ben.key, who: 'ana' });
  expect(await failure(asBen.request('cancel', { job, index: null }))).toMatchObject({ code: 'refused' });
  expect(await asBen.request('jobs', { from: 0, count: 10 })).toEqual([]);
  expect(await asAna.request('cancel', { job, index: null })).toEqual({ tasks: 1 });
  expect(here.log).toContainEqual(
    expect.stringMatching(new RegExp(`^audit: ana \\(submitter, token ${ana.id}\\) .*: cancel .*: done$`)),
  );
});

test('a wrong key of a token, and a token that never was, are refused alike and before a word', async () => {
  await using here = await coordinatorHere();
  const { key } = await make(here, 'viewer');
  const wrong = await failure(speak(here, { ...key, key: Buffer.alloc(32) }, 'viewer'));
  const unknown = await failure(speak(here, { ...key, identity: 'viewer:0123456789' }, 'viewer'));
  expect(wrong.message).toBe(unknown.message);
  expect(wrong).toMatchObject({
    code: 'refused',
    message: expect.stringContaining('does not know this secret or token'),
  });
  await vi.waitFor(() => expect(here.log.filter((line) => line.includes('binder does not verify'))).toHaveLength(2));
});

test.each(['node', 'viewer'] as const)('the end of a %s token ends its connections', async (role) => {
  await using here = await coordinatorHere();
  const brief = await make(here, role, { ttlMs: 4_000, name: 'brief' });
  const lasting = await make(here, role, { ttlMs: 600_000 });
  const [first, second] = [await speak(here, brief.key, role), await speak(here, lasting.key, role)];
  await first.closed;
  const reason = 'the token brief has expired: ask for a new one (lbtop token create)';
  // A newer one may lie where it came from: it is worth to come once more.
  expect(first.heard).toEqual([{ kind: 'refuse', code: 'unreachable', reason }]);
  expect((await failure(speak(here, brief.key, role))).message).toContain(reason);
  expect(second.connection.open).toBe(true);

  const operator = await here.client();
  expect(await operator.request('token-revoke', { token: lasting.id })).toEqual({ tokens: [lasting.id] });
  await second.closed;
  expect(second.heard).toEqual([{ kind: 'refuse', code: 'refused', reason: expect.stringContaining('was revoked') }]);
  expect((await failure(speak(here, lasting.key, role))).message).toContain('was revoked');
  expect((await operator.request('token-list', {})).map(({ state }) => state)).toEqual(['expired', 'revoked']);
  expect(await failure(operator.request('token-revoke', { token: 'nobody' }))).toMatchObject({ code: 'usage' });
});

test('an operator whose token is revoked does nothing more, nor is done what it had asked for behind it', async () => {
  await using here = await coordinatorHere();
  const { key, id } = await make(here, 'operator', { name: 'ana' });
  const { connection, heard, closed } = await speak(here, key, 'operator');
  const request = (id: number, verb: 'pause-queue' | 'token-revoke' | 'watch', args: unknown) =>
    connection.send({ kind: 'request', id, verb, args: verbs[verb].args.pack(args as never) });
  request(1, 'watch', { look: lookShape.pack(lookAt('nodes')), rateHz: 30 });
  await vi.waitFor(() => expect(heard.some(({ kind }) => kind === 'item')).toBe(true));
  // One frame, with its own end in the middle.
  request(2, 'pause-queue', { paused: true, reason: 'before' });
  request(3, 'token-revoke', { token: id });
  for (let more = 4; more < 2_000; more++) request(more, 'pause-queue', { paused: false, reason: 'after' });
  await closed;
  expect(heard.at(-1)).toMatchObject({ kind: 'refuse', reason: expect.stringContaining('was revoked') });
  expect(here.coordinator.state.queuePaused).toBe(true);
  expect(here.log.filter((line) => line.includes('pause-queue'))).toEqual([expect.stringContaining('before')]);
  expect(here.log).toContainEqual(expect.stringMatching(/^operator ana at .* is let in no longer: the token ana was/));
});

test('a token of another cluster opens nothing, not even where a copy of the data knows it', async () => {
  const [data, copy] = [join(directory, 'data'), join(directory, 'copy')];
  let key: OwnKey;
  {
    await using here = await coordinatorHere({ data });
    ({ key } = await make(here, 'operator'));
    expect((await speak(here, key, 'operator')).connection.open).toBe(true);
  }
  cpSync(data, copy, { recursive: true });
  chmodSync(copy, 0o700); // whatever the umask
  for (const where of [null, copy]) {
    await using other = await coordinatorHere({ data: where, secret: Buffer.alloc(32, 9) });
    const error = await failure(speak(other, key, 'operator'));
    expect(error).toMatchObject({
      code: 'refused',
      message: expect.stringContaining('does not know this secret or token'),
    });
    const [listed] = await (await other.client({ secret: Buffer.alloc(32, 9) })).request('token-list', {});
    expect(listed?.state).toBe(where === null ? undefined : 'rotated');
  }
});

test('all tokens of a name end together, and the operator who does it stays', async () => {
  await using here = await coordinatorHere();
  const [one, two] = [await make(here, 'operator', { name: 'ana' }), await make(here, 'viewer', { name: 'ana' })];
  const operator = await here.client();
  const { tokens } = await operator.request('token-revoke', { token: 'ana' });
  expect(tokens.sort()).toEqual([one.id, two.id].sort());
  expect((await operator.request('token-revoke', { token: 'ana' })).tokens).toEqual([]);
});

test('tokens, and that they were revoked, outlive the coordinator; nothing that is kept opens a door', async () => {
  const data = join(directory, 'data');
  const made: Awaited<ReturnType<typeof make>>[] = [];
  {
    await using here = await coordinatorHere({ data });
    for (const name of ['kept', 'revoked']) made.push(await make(here, 'viewer', { name }));
    await (await here.client()).request('token-revoke', { token: 'revoked' });
  }
  for (const entry of readdirSync(data, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = readFileSync(join(entry.parentPath, entry.name));
    for (const { key } of made)
      for (const form of [key.key, key.key.toString('hex'), key.key.toString('base64'), key.key.toString('base64url')])
        expect(bytes.includes(form)).toBe(false);
  }
  await using here = await coordinatorHere({ data });
  const [kept, revoked] = made as [(typeof made)[0], (typeof made)[0]];
  expect((await speak(here, kept.key, 'viewer')).connection.open).toBe(true);
  expect((await failure(speak(here, revoked.key, 'viewer'))).message).toContain('was revoked');
});

test.skipIf(engineMissing !== null)('with an engine, whoever takes over knows them', { timeout: 90_000 }, async () => {
  const engine = await startEngine();
  try {
    const made: OwnKey[] = [];
    for (const begins of [true, false]) {
      await using here = await coordinatorHere({ store: engine.url });
      if (begins) made.push((await make(here, 'viewer')).key);
      for (const key of made) expect((await speak(here, key, 'viewer')).connection.open).toBe(true);
    }
    expect(made).toHaveLength(1);
  } finally {
    await engine.stop();
  }
});

test('where there is no secret there are no tokens', async () => {
  await using here = await coordinatorHere({ secret: null });
  const client = await here.client({ secret: null });
  const error = await failure(client.request('token-create', { role: 'node', ttlMs: null, name: null }));
  expect(error).toMatchObject({ code: 'usage', message: expect.stringContaining('without protection') });
});

test('without protection nothing but loopback is listened on', async () => {
  for (const host of ['0.0.0.0', '::', '192.0.2.1'])
    expect(await failure(coordinatorHere({ secret: null, host }))).toMatchObject({
      code: 'usage',
      message: `without a secret or certificates nothing listens on ${host}: choose 127.0.0.1, or give --secret-file`,
    });
});

test('a rotated secret: old and new for the period, then the new one only, for open connections too', async () => {
  const secretFile = join(directory, 'state', 'secret');
  const old = Buffer.alloc(32, 7);
  await replaceSecret(secretFile, old, { secret: old, until: 0 });
  await using here = await coordinatorHere({ secretFile });
  const token = await make(here, 'viewer', { name: 'wall' });
  const operator = await here.client();
  const before = await speak(here, old, 'operator');
  const byToken = await speak(here, token.key, 'viewer');

  const { until } = await operator.request('secret-rotate', { periodMs: 6_000 });
  const secret = await loadSecret(secretFile);
  expect(secret.equals(old)).toBe(false);
  expect(await loadFormerSecret(secretFile, until - 1)).toEqual({ secret: old, until });
  for (const file of [secretFile, `${secretFile}.former`]) expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(secretFile, 'utf8')).toBe(secretText(secret));

  // Both hold, whoever was connected still is, and new tokens follow from the new one.
  for (const one of [old, secret]) expect((await speak(here, one, 'viewer')).connection.open).toBe(true);
  expect((await speak(here, token.key, 'viewer')).connection.open).toBe(true);
  const renewed = await here.client({ secret });
  const next = await renewed.request('token-create', { role: 'viewer', ttlMs: null, name: 'next' });
  const after = await speak(here, readToken(next.token) as OwnKey, 'viewer');

  await Promise.all([before.closed, byToken.closed]);
  expect(Date.now()).toBeGreaterThanOrEqual(until);
  expect(before.heard).toMatchObject([{ kind: 'refuse', reason: 'this secret was changed: copy the new one' }]);
  expect(byToken.heard).toMatchObject([{ reason: expect.stringContaining('follows from a secret that was changed') }]);
  expect(await failure(speak(here, old, 'operator'))).toMatchObject({ code: 'refused' });
  expect(await failure(speak(here, token.key, 'viewer'))).toMatchObject({ code: 'refused' });
  expect(after.connection.open).toBe(true);
  expect((await renewed.request('token-list', {})).map(({ state }) => state)).toEqual(['rotated', 'valid']);
  expect(await loadFormerSecret(secretFile, Date.now())).toBe(null);
  expect(readdirSync(join(directory, 'state'))).toEqual(['secret']);
});

test('the former secret holds after a restart as well, and no longer than it was to', async () => {
  const secretFile = join(directory, 'secret');
  const [old, secret] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  await replaceSecret(secretFile, secret, { secret: old, until: Date.now() + 60_000 });
  {
    await using here = await coordinatorHere({ secretFile, secret });
    expect((await speak(here, old, 'viewer')).connection.open).toBe(true);
  }
  await replaceSecret(secretFile, secret, { secret: old, until: Date.now() - 1 });
  await using here = await coordinatorHere({ secretFile, secret });
  expect(await failure(speak(here, old, 'viewer'))).toMatchObject({ code: 'refused' });
});

test('a credential of the other kind is told at once', async () => {
  await using here = await coordinatorHere();
  const [node, viewer] = [await make(here, 'node'), await make(here, 'viewer')];
  expect((await failure(here.client({ secret: node.key }))).message).toContain('that of a node');
  expect((await failure(speak(here, viewer.key, 'node'))).message).toContain('a node needs one with the role node');
});
