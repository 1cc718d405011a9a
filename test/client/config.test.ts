import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fakeCoordinator } from './fake-coordinator.ts';
import { fakeIo, lbtop } from './fake-io.ts';

const home = mkdtempSync(join(tmpdir(), 'lbtop-test-'));
afterAll(() => rmSync(home, { recursive: true }));

/** Runs `lbtop config` beside a settings file. */
async function config(settings: unknown, env: Record<string, string>, ...args: string[]) {
  mkdirSync(join(home, 'lbtop'), { recursive: true });
  writeFileSync(join(home, 'lbtop/config.json'), JSON.stringify(settings));
  const io = fakeIo({ env: { HOME: home, XDG_CONFIG_HOME: home, XDG_STATE_HOME: join(home, 'state'), ...env } });
  return lbtop(['config', ...args], fakeCoordinator({}), io);
}

test('what holds and from where: a variable beats the file; what is wrong is said', async () => {
  const { out, code } = await config(
    { cpuLimit: 70, label: { os: 'linux', room: 'a' }, slots: 2 },
    { LBTOP_SLOTS: 'x', LBTOP_RECORD: '' },
    '--json',
  );
  expect(code).toBe(0);
  const { settings, places } = JSON.parse(out);
  const where = join(home, 'lbtop/config.json');
  expect(settings).toEqual([
    { name: 'cpuLimit', value: '70', from: 'file', where, of: ['coordinator', 'node'], wrong: null },
    {
      name: 'slots',
      value: 'x',
      from: 'variable',
      where: 'LBTOP_SLOTS',
      of: ['node'],
      wrong: expect.stringMatching('a whole number from 1'),
    },
    { name: 'label', value: 'os=linux, room=a', from: 'file', where, of: ['node'], wrong: null },
  ]);
  expect(places).toEqual({
    settingsFile: where,
    stateDirectory: join(home, 'state/lbtop'),
    dataDirectory: join(home, 'state/lbtop/data'),
    secretFile: join(home, 'state/lbtop/secret'),
  });
});

test('as text, and where nothing is set', async () => {
  expect((await config({ cpuLimit: 70 }, {})).out.split('\n').slice(0, 2)).toEqual([
    'SETTING   VALUE  FROM           FOR                    WRONG',
    'cpuLimit  70     settings file  --coordinator, --node',
  ]);
  expect((await config({}, {})).out).toMatch(/^nothing is set: .*\nsettings file: /);
});

test('a variable that is no setting is told, one that is something else is not', async () => {
  const { out } = await config({}, { LBTOP_CPU_LIMT: '50', LBTOP_MOUSE: '0', LBTOP_TASK_ID: '7.1' }, '--json');
  expect(JSON.parse(out).settings).toEqual([
    {
      name: 'LBTOP_CPU_LIMT',
      value: '50',
      from: 'variable',
      where: 'LBTOP_CPU_LIMT',
      of: [],
      wrong: 'is no setting: did you mean LBTOP_CPU_LIMIT?',
    },
  ]);
});

test('a file that names no flag', async () => {
  const { code, err } = await config({ cpuLimt: 70 }, {});
  expect([code, err]).toEqual([
    2,
    expect.stringMatching(/names "cpuLimt", which is no flag: did you mean cpuLimit\?\n$/),
  ]);
});
