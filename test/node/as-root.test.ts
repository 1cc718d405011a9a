import { expect, test } from 'vitest';
import { refuseRoot } from '../../source/node/as-root.ts';

const own = ['127.0.0.1', '10.0.0.2', 'fe80::1'];

test('root takes no tasks from another machine, unless told whose they shall be', () => {
  expect(() => refuseRoot(['10.0.0.1'], undefined, 0, own)).toThrow(
    'tasks from 10.0.0.1 would run as root here: give them to an account with --run-as USER, or say --run-as root',
  );
  // One of several is enough: it may lead one day.
  expect(() => refuseRoot(['127.0.0.1', 'head.example'], undefined, 0, own)).toThrow('tasks from head.example');
  for (const runAs of ['nobody', 'root']) expect(() => refuseRoot(['10.0.0.1'], runAs, 0, own)).not.toThrow();
});

test('other accounts have no more than their own rights, and whoever is on this machine has them already', () => {
  expect(() => refuseRoot(['10.0.0.1'], undefined, 1000, own)).not.toThrow();
  for (const host of ['127.0.0.1', 'localhost', '::1', '10.0.0.2', 'fe80::1'])
    expect(() => refuseRoot([host], undefined, 0, own)).not.toThrow();
});

test('this machine’s own addresses are known', () => {
  expect(() => refuseRoot(['127.0.0.1'], undefined, 0)).not.toThrow();
});
