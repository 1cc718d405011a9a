import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { auditLog, type Speaker } from '../../source/coordinator/audit.ts';
import { readState } from '../../source/feed/stored-state.ts';
import { openLocalStore } from '../../source/journal/local.ts';
import { LbtopError } from '../../source/model/errors.ts';
import { type OwnKey, readToken } from '../../source/wire/credential.ts';
import type { Role } from '../../source/wire/messages.ts';
import { coordinatorHere } from '../helpers/coordinator.ts';

const speaker = (role: Role, id: string): Speaker => ({
  role,
  who: 'wall',
  identity: { role, name: 'wall', proof: { kind: 'token', id } },
  address: '10.0.0.9:40112',
});
const refused = new LbtopError('refused', 'drain needs the role operator');

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('what is refused to a viewer again and again is counted; what others do has its lines all the same', () => {
  const lines: string[] = [];
  const audit = auditLog(
    (line) => lines.push(line),
    () => {},
    Date.now,
  );
  const vain = speaker('viewer', '90ab12cd34');
  for (let i = 0; i < 100_000; i++) audit.tell(vain, 'drain', {}, refused);
  expect(lines).toHaveLength(20);
  audit.tell(speaker('submitter', '1111111111'), 'cancel', {}, refused);
  for (let i = 0; i < 100; i++) audit.tell(speaker('operator', '2222222222'), 'drain', {}, i % 2 ? null : refused);
  for (let i = 0; i < 100; i++) audit.tell(speaker('submitter', '1111111111'), 'cancel', {}, null);
  expect(lines).toHaveLength(20 + 1 + 100 + 100);
  vi.advanceTimersByTime(60_000);
  expect(lines.slice(221)).toEqual([
    'audit: viewer, token 90ab12cd34: 99980 more refused or failed, for reasons like those before',
  ]);
  audit.tell(vain, 'drain', {}, refused);
  expect(lines.at(-1)).toBe(
    'audit: wall (viewer, token 90ab12cd34) at 10.0.0.9:40112: drain {}: refused: drain needs the role operator',
  );
});

test('however many ask in vain, what is remembered of them is bounded, and nothing is left uncounted', () => {
  const lines: string[] = [];
  const audit = auditLog(
    (line) => lines.push(line),
    () => {},
    Date.now,
  );
  for (let token = 0; token < 3_000; token++)
    for (let i = 0; i < 30; i++) audit.tell(speaker('viewer', `${token}`), 'drain', {}, refused);
  const counted = () => lines.filter((line) => line.includes(': 10 more refused or failed')).length;
  expect(counted()).toBe(2_000);
  audit.flush();
  expect(counted()).toBe(3_000);
});

test('a coordinator tells a few lines of a viewer that asks in vain, and the count when it ends', async () => {
  vi.useRealTimers();
  const log: string[] = [];
  {
    await using here = await coordinatorHere({ log: (line) => log.push(line) });
    const viewer = await here.client({ role: 'viewer' });
    const asks = Array.from({ length: 500 }, () => viewer.request('pause-queue', { paused: true, reason: '' }));
    for (const one of await Promise.allSettled(asks)) expect(one).toMatchObject({ reason: { code: 'refused' } });
  }
  const audit = log.filter((line) => line.startsWith('audit: '));
  expect(audit).toHaveLength(21);
  expect(audit.at(-1)).toMatch(/^audit: viewer, secret [0-9a-f]{12}: 480 more refused or failed/);
});

test('who made a token, a recording or an end is in the journal, with what proved it; what was refused is not', async () => {
  vi.useRealTimers();
  const directory = mkdtempSync(join(tmpdir(), 'lbtop-'));
  try {
    {
      await using here = await coordinatorHere({ data: directory });
      const operator = await here.client();
      const { token } = await operator.request('token-create', { role: 'operator', ttlMs: null, name: 'ana' });
      const ana = await here.client({ secret: readToken(`${token}\n`) as OwnKey });
      await ana.request('record', { file: join(directory, 'a.lbtrace') });
      await ana.request('record', { file: null });
      await ana.request('pause-queue', { paused: true, reason: 'tea' });
      const viewer = await here.client({ role: 'viewer' });
      await expect(viewer.request('record', { file: null })).rejects.toThrow('needs the role operator');
    }
    const store = await openLocalStore({ directory, readOnly: true });
    const { state } = await readState(store);
    await store.close();
    const id = expect.stringMatching(/^token [0-9a-f]{10}$/);
    expect(state.acts).toMatchObject([
      { verb: 'token-create', role: 'operator', about: '{"role":"operator","ttlMs":null,"name":"ana"}' },
      { verb: 'record', by: 'ana', proof: id, about: JSON.stringify({ file: join(directory, 'a.lbtrace') }) },
      { verb: 'record', by: 'ana', proof: id, about: '{"file":null}' },
      { verb: 'pause-queue', by: 'ana', proof: id },
    ]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
