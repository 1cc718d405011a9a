import { expect, test } from 'vitest';
import { accountOf } from '../../source/node/account.ts';
import { refuseRoot } from '../../source/node/as-root.ts';

const own = ['127.0.0.1', '10.0.0.2', 'fe80::1'];
const me = { ...accountOf(String(process.getuid?.())), name: 'me' };

test('root takes no tasks from another machine, unless told whose they shall be', () => {
  for (const host of ['10.0.0.1', 'head.example'])
    expect(() => refuseRoot(host, null, 0, own)).toThrow(
      `tasks from ${host} would run as root here: give them to an account with --run-as USER, or say --run-as root`,
    );
  expect(() => refuseRoot('10.0.0.1', me, 0, own)).not.toThrow();
});

test('other accounts have no more than their own rights, and whoever is on this machine has them already', () => {
  expect(() => refuseRoot('10.0.0.1', null, 1000, own)).not.toThrow();
  for (const host of ['127.0.0.1', 'localhost', '::1', '10.0.0.2', 'fe80::1'])
    expect(() => refuseRoot(host, null, 0, own)).not.toThrow();
});

test('this machine’s own addresses are known', () => {
  expect(() => refuseRoot('127.0.0.1', null, 0)).not.toThrow();
});
