import { expect, test } from 'vitest';
import { startFault } from '../../source/node/runners/start-error.ts';

const fault = (code: string, argv = ['prog']) =>
  startFault({ argv, env: {}, cwd: null, stdin: null }, Object.assign(new Error(code), { code }));

test.each(['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE'])('%s is the fault of the machine', (code) => {
  expect(fault(code)).toMatchObject({
    unfit: true,
    exitCode: null,
    error: expect.stringMatching(/^cannot start a process: /),
  });
});

test.each([
  ['ENOENT', 127, 'no such program: prog'],
  ['EACCES', 126, 'no permission to execute: prog'],
  ['ENOEXEC', 126, 'not a program for this machine: prog'],
  ['EWHATEVER', null, 'cannot start prog: EWHATEVER'],
])('%s is the fault of the task', (code, exitCode, error) => {
  expect(fault(code)).toEqual({ unfit: false, exitCode, error });
});

test('a line for a shell, given as one word, is told from a program that is missing', () => {
  expect(fault('ENOENT', ['echo hello']).error).toMatch(/^no such program: echo hello \(.* takes --shell\)$/);
});

test('a long name is shortened', () => {
  expect(fault('ENOENT', ['x'.repeat(5_000)]).error.length).toBeLessThan(300);
});
