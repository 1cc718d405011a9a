import { describe, expect, test } from 'vitest';
import { type CommandLine, parseCommandLine } from '../../source/client/command-line.ts';
import { LbtopError } from '../../source/model/errors.ts';

type Given = { env?: Record<string, string>; settings?: Record<string, unknown> };

function parse(typed: string | readonly string[], { env = {}, settings = {} }: Given = {}): CommandLine {
  const argv = typeof typed === 'string' ? typed.split(' ').filter((word) => word !== '') : typed;
  return parseCommandLine(argv, { env, settings: () => settings });
}

function mistake(typed: string | readonly string[], given?: Given): string {
  try {
    parse(typed, given);
  } catch (error) {
    expect(error).toBeInstanceOf(LbtopError);
    expect((error as LbtopError).exitCode).toBe(2);
    expect((error as LbtopError).message).not.toContain('\n');
    return (error as LbtopError).message;
  }
  throw new Error(`nothing wrong with ${String(typed)}`);
}

describe('what is asked', () => {
  test.each([
    ['', null, null],
    ['status', null, 'status'],
    ['--coordinator', 'coordinator', null],
    ['--node --name a', 'node', null],
    ['--attach', 'attach', null],
    ['--replay x.lbtrace', 'replay', null],
    ['--demo', 'demo', null],
    ['--connect h:1 status', null, 'status'],
    ['--json --connect=h:1 wait 7', null, 'wait'],
    ['-- status', null, null],
  ])('%s', (typed, mode, word) => {
    if (typed === '-- status') return expect(mistake(typed)).toContain('too much');
    expect(parse(typed)).toMatchObject({ mode, word });
  });

  test('a flag that stands alone for some words takes no word for its value', () => {
    expect(parse('--queue pause')).toMatchObject({ word: 'pause', flags: { pauseQueue: true } });
    expect(parse('pause --queue')).toMatchObject({ word: 'pause', flags: { pauseQueue: true } });
    expect(parse('--coordinator --queue easy').flags.queue).toBe('easy');
    expect(parse('--queue easy --coordinator').flags.queue).toBe('easy');
  });

  test('an address after --attach may be left out', () => {
    expect(parse('--attach').flags.attach).toBe(true);
    expect(parse('--attach --read-only').flags).toMatchObject({ attach: true, readOnly: true });
    expect(parse('--attach [::1]:80').flags.attach).toEqual([{ host: '::1', port: 80 }]);
  });

  test('operands are what is no flag', () => {
    expect(parse('drain a --now b --reason why c').operands).toEqual(['a', 'b', 'c']);
    expect(parse('wait -- 7').operands).toEqual(['7']);
  });

  test('the command is all after -- or after the first operand', () => {
    expect(parse('submit --cpus 2 -- ls --json -l').command).toEqual(['ls', '--json', '-l']);
    expect(parse('run ls --cpus 2').command).toEqual(['ls', '--cpus', '2']);
    expect(parse('--json run ls').flags.json).toBe(true);
    expect(parse('run -- a -- b').command).toEqual(['a', '--', 'b']);
  });

  test('help and version win over mistakes before them', () => {
    expect(parse('submit --nonsense --help').asks).toBe('help');
    expect(parse('submit -h').asks).toBe('help');
    expect(parse('--version').asks).toBe('version');
    expect(parse('help submit')).toMatchObject({ asks: 'help', word: 'submit' });
    expect(parse('run -- ls --help').asks).toBe(null);
  });
});

describe('values', () => {
  test.each<[string, Record<string, unknown>]>([
    ['submit --array 1-1000', { array: { count: 1000, first: 1, step: 1 } }],
    ['submit --array 0-90:10', { array: { count: 10, first: 0, step: 10 } }],
    ['submit --array 1-10:3', { array: { count: 4, first: 1, step: 3 } }],
    ['submit --array 5', { array: { count: 1, first: 5, step: 1 } }],
    ['submit --timeout 500ms', { timeout: 500 }],
    ['submit --timeout 10s', { timeout: 10_000 }],
    ['submit --timeout 5m', { timeout: 300_000 }],
    ['submit --timeout 2h', { timeout: 7_200_000 }],
    ['submit --timeout 1h30m', { timeout: 5_400_000 }],
    ['submit --timeout 1.5', { timeout: 1_500 }],
    ['submit --memory 64K', { memory: 65_536 }],
    ['submit --memory 1.5G', { memory: 1.5 * 2 ** 30 }],
    ['submit --memory 2GiB', { memory: 2 ** 31 }],
    ['submit --memory 1KB', { memory: 1_000 }],
    ['submit --memory 10', { memory: 10 }],
    ['submit --env A=1 --env B=x=y', { env: { A: '1', B: 'x=y' } }],
    ['submit --on zone=a --on disk=ssd', { on: { zone: 'a', disk: 'ssd' } }],
    ['submit --resource gpu=2 --resource fpga', { resource: { gpu: 2, fpga: 1 } }],
    ['submit --after 3,4 --after 5', { after: [3, 4, 5] }],
    ['submit --priority -5', { priority: -5 }],
    ['submit --priority=-5', { priority: -5 }],
    ['submit --cpus .5', { cpus: 0.5 }],
    ['submit --no-retry', { noRetry: true }],
    ['submit --json=false', { json: false }],
    ['submit --each-line -', { eachLine: '-' }],
    ['submit --name a --name b', { name: 'b' }],
    ['status --connect somewhere', { connect: [{ host: 'somewhere', port: 7077 }] }],
    ['status --connect [::1]:9', { connect: [{ host: '::1', port: 9 }] }],
    [
      'status --connect a:1,b',
      {
        connect: [
          { host: 'a', port: 1 },
          { host: 'b', port: 7077 },
        ],
      },
    ],
    ['status --connect etcd://a,b:2/team', { connect: { engine: 'etcd://a,b:2/team' } }],
    ['--coordinator --store etcd://a:1 --standby', { store: 'etcd://a:1', standby: true }],
    ['logs 7 -f', { follow: true }],
    ['--node --name a.b_c-1 --label k=v --throttle 0.7', { nodeName: 'a.b_c-1', label: { k: 'v' }, throttle: 0.7 }],
    [
      '--coordinator --policy power-of-two --cpu-limit 75.5 --port 0',
      { policy: 'power-of-two', cpuLimit: 75.5, port: 0 },
    ],
  ])('%s', (typed, flags) => {
    expect(parse(typed).flags).toEqual({
      ...(typed.startsWith('--node') ? { node: true } : {}),
      ...(typed.startsWith('--coord') ? { coordinator: true } : {}),
      ...flags,
    });
  });

  test.each([
    ['submit --array 10-1', '--array: expected numbers such as 1-1000'],
    ['submit --array 1-10:0', '--array: expected'],
    ['submit --array 1,2', '--array: expected'],
    ['submit --array 1-99999999999', '--array: expected'],
    ['submit --timeout 5x', '--timeout: expected a duration such as 500ms, 10s, 5m, 2h or 1h30m, got "5x"'],
    ['submit --memory lots', '--memory: expected a size'],
    ['submit --memory 5iB', '--memory: expected a size'],
    ['submit --cpus 0', '--cpus: expected a number from 0.01'],
    ['submit --cpus 1e999', '--cpus: expected'],
    ['submit --cpus NaN', '--cpus: expected'],
    ['submit --retries 1.5', '--retries: expected a whole number'],
    ['submit --env A', '--env: expected KEY=VALUE'],
    ['submit --env =A', '--env: expected KEY=VALUE'],
    ['submit --env __proto__=A', '--env: expected KEY=VALUE'],
    ['submit --after 0', '--after: expected jobs'],
    ['submit --input {', '--input: expected JSON'],
    ['submit --json=perhaps', '--json: expected true or false'],
    ['status --connect ::1:80', '--connect: expected HOST:PORT, an IPv6 address in brackets'],
    ['status --connect h:99999', '--connect: expected HOST:PORT'],
    ['status --connect h:', '--connect: expected HOST:PORT'],
    ['status --connect :80', '--connect: expected HOST:PORT'],
    ['status --connect a:1,', '--connect: expected HOST:PORT'],
    ['status --connect etcd://', '--connect: expected HOST:PORT'],
    ['--coordinator --store a:1', '--store: expected etcd://HOST:2379'],
    [
      '--coordinator --policy leest-load',
      '--policy: expected one of first, round-robin, random, least-load, power-of-two, fewest-running, earliest-finish, partition, got "leest-load": did you mean least-load?',
    ],
    ['--coordinator --port 65536', '--port: expected a whole number from 0 to 65535'],
    ['--node --name a/b', '--name: expected letters'],
    ['--node --throttle 1.1', '--throttle: expected a number from 0.05 to 1'],
  ])('%s', (typed, says) => {
    expect(mistake(typed)).toContain(says);
  });

  test('foreign text in a complaint is harmless', () => {
    expect(mistake(['submit', '--cpus', '\x1b]0;x\x07\u202e'])).toMatch(/^[\x20-\x7e]*$/);
    expect(mistake(['\x1b[31mred'])).toMatch(/^[\x20-\x7e]*$/);
    expect(mistake(['status', '--\x1b[31mred'])).toMatch(/^[\x20-\x7e]*$/);
  });
});

describe('mistakes', () => {
  test.each([
    ['--polcy first', 'unknown flag --polcy: did you mean --policy?'],
    ['--coordinator --polcy first', 'unknown flag --polcy: did you mean --policy?'],
    ['submit --aray 1-3', 'unknown flag --aray: did you mean --array?'],
    ['submit --zzzzzzzz', 'unknown flag --zzzzzzzz: see lbtop submit --help'],
    ['submit -z', 'unknown flag -z: see lbtop submit --help'],
    ['statsu', 'unknown word "statsu": did you mean status?'],
    ['coordinater', 'unknown word "coordinater": did you mean --coordinator?'],
    ['node', 'unknown word "node": did you mean --node?'],
    ['version', 'unknown word "version": did you mean --version?'],
    ['frobnicate', 'unknown word "frobnicate": see lbtop --help'],
    ['token create --role root', 'expected one of node, submitter, operator, viewer'],
    ['status --tls-ca', '--tls-ca needs a value: a path'],
    ['--coordinator --node', '--coordinator and --node: a process is one of them'],
    ['status --array 1-3', '--array does not go with status: it belongs to submit, run'],
    ['jobs --policy x', '--policy does not go with jobs: it belongs to --coordinator'],
    ['--node extra', '"extra" is too much here'],
    ['submit --name', '--name needs a value'],
    ['submit --name -- ls', '--name needs a value'],
    ['submit --name --json', '--name needs a value'],
    ['--replay', '--replay needs a value'],
    ['pause --queue=maybe', '--queue: expected true or false'],
  ])('%s', (typed, says) => {
    expect(mistake(typed)).toContain(says);
  });
});

describe('flag beats variable beats file', () => {
  const env = { LBTOP_CONNECT: 'variable:1', LBTOP_CPU_LIMIT: '70', LBTOP_JSON: '1' };
  const settings = { connect: 'file:2', cpuLimit: 60, label: { a: 'b' }, secretFile: '/f' };

  test('in this order, each with its origin', () => {
    expect(parse('status', { settings })).toMatchObject({
      flags: { connect: [{ host: 'file' }] },
      origins: { connect: 'file' },
    });
    expect(parse('status', { env, settings })).toMatchObject({
      flags: { connect: [{ host: 'variable' }], json: true },
      origins: { connect: 'variable', secretFile: 'file' },
    });
    expect(parse('status --connect flag:3', { env, settings })).toMatchObject({
      flags: { connect: [{ host: 'flag' }] },
      origins: { connect: 'flag' },
    });
    expect(parse('--node', { env, settings }).flags).toMatchObject({ cpuLimit: 70, label: { a: 'b' } });
    expect(parse('status --json=false', { env }).flags.json).toBe(false);
  });

  test('what a word does not take is not looked at', () => {
    expect(parse('status', { env: { LBTOP_ARRAY: 'nonsense' } }).flags).toEqual({});
  });

  test('what a task is told in its environment chooses no mode', () => {
    expect(
      parse('status', { env: { LBTOP_NODE: 'ash', LBTOP_JOB_ID: '7', LBTOP_TASK_ID: '7.1', LBTOP_ATTEMPT: '1' } }),
    ).toMatchObject({ mode: null, word: 'status' });
    expect(parse('', { env: { LBTOP_NODE: 'ash' } }).mode).toBe(null);
  });

  test('mistakes name where they are', () => {
    expect(mistake('--node', { env: { LBTOP_CPU_LIMIT: 'much' } })).toContain('LBTOP_CPU_LIMIT: expected a number');
    expect(mistake('--node', { settings: { cpuLimit: 'much' } })).toContain(
      'cpuLimit in the settings file: expected a number',
    );
  });

  test('lists and objects of the file are repeated flags', () => {
    expect(
      parse('submit', { settings: { after: [3, '4,5'], env: { A: '1', B: 2 }, input: { a: [1] } } }).flags,
    ).toMatchObject({ after: [3, 4, 5], env: { A: '1', B: '2' }, input: { a: [1] } });
  });

  test('a repeated flag on the command line replaces what the file says', () => {
    expect(parse('submit --env C=3', { settings: { env: { A: '1' } } }).flags.env).toEqual({ C: '3' });
  });
});
