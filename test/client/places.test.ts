import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findWhereabouts } from '../../source/client/find-address.ts';
import {
  parseAddress,
  places,
  readCoordinatorFile,
  removeCoordinatorFile,
  writeCoordinatorFile,
} from '../../source/client/places.ts';
import { readSettings } from '../../source/client/settings.ts';
import { isLoopback } from '../../source/wire/reach.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lbtop-places-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test('directories by XDG', () => {
  expect(places({ HOME: '/home/ana' })).toEqual({
    stateDirectory: '/home/ana/.local/state/lbtop',
    configDirectory: '/home/ana/.config/lbtop',
    dataDirectory: '/home/ana/.local/state/lbtop/data',
    secretFile: '/home/ana/.local/state/lbtop/secret',
    coordinatorFile: '/home/ana/.local/state/lbtop/coordinator',
    settingsFile: '/home/ana/.config/lbtop/config.json',
  });
  expect(places({ HOME: '/h', XDG_STATE_HOME: '/s', XDG_CONFIG_HOME: '/c' })).toMatchObject({
    stateDirectory: '/s/lbtop',
    configDirectory: '/c/lbtop',
    dataDirectory: '/s/lbtop/data',
  });
  expect(places({ HOME: '/h', XDG_STATE_HOME: 'relative' }).stateDirectory).toBe('/h/.local/state/lbtop');
});

test.each<[string, unknown]>([
  ['h:80', { host: 'h', port: 80 }],
  ['h', { host: 'h', port: 7077 }],
  ['[::1]:80', { host: '::1', port: 80 }],
  ['[fe80::1%eth0]', { host: 'fe80::1%eth0', port: 7077 }],
  ['10.0.0.1:0', { host: '10.0.0.1', port: 0 }],
  ['', undefined],
  [':80', undefined],
  ['h:', undefined],
  ['h:x', undefined],
  ['h:65536', undefined],
  ['::1', undefined],
  ['[]:80', undefined],
  ['a b:80', undefined],
  ['http://h:80', undefined],
  ['h:80/', undefined],
])('address %j', (text, address) => {
  expect(parseAddress(text)).toEqual(address);
});

test('loopback', () => {
  for (const host of ['127.0.0.1', '127.1.2.3', 'localhost', '::1']) expect(isLoopback(host)).toBe(true);
  for (const host of ['10.0.0.1', 'example', '127.example.org', '::2']) expect(isLoopback(host)).toBe(false);
});

describe('the file of the local coordinator', () => {
  test('is written for its owner, read, and removed by whoever wrote it', () => {
    const file = join(directory, 'state', 'lbtop', 'coordinator');
    writeCoordinatorFile(file, { host: '127.0.0.1', port: 7099, pid: 42 });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'state', 'lbtop')).mode & 0o777).toBe(0o700);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ address: '127.0.0.1:7099', pid: 42 });
    expect(readCoordinatorFile(file)).toEqual({ host: '127.0.0.1', port: 7099, pid: 42 });
    removeCoordinatorFile(file, 41);
    expect(readCoordinatorFile(file)).not.toBe(null);
    removeCoordinatorFile(file, 42);
    expect(readCoordinatorFile(file)).toBe(null);
    removeCoordinatorFile(file, 42);
  });

  test.each([
    ['0.0.0.0', '127.0.0.1'],
    ['::', '::1'],
    ['::1', '::1'],
    ['10.0.0.1', '10.0.0.1'],
  ])('what listens on %s is reached at %s', (host, reached) => {
    const file = join(directory, 'coordinator');
    writeCoordinatorFile(file, { host, port: 1, pid: 1 });
    expect(readCoordinatorFile(file)?.host).toBe(reached);
  });

  test.each(['', '{', '[]', 'null', '{"address":7}', '{"address":"::1"}'])('%j is none', (content) => {
    const file = join(directory, 'coordinator');
    writeFileSync(file, content);
    expect(readCoordinatorFile(file)).toBe(null);
  });

  test('what is said beats it, and without it there is a usual place', () => {
    const where = places({ HOME: directory, XDG_STATE_HOME: directory });
    expect(findWhereabouts({}, where)).toEqual([{ host: '127.0.0.1', port: 7077 }]);
    writeCoordinatorFile(where.coordinatorFile, { host: '127.0.0.1', port: 7099, pid: 1 });
    expect(findWhereabouts({}, where)).toEqual([{ host: '127.0.0.1', port: 7099 }]);
    expect(findWhereabouts({ connect: [{ host: 'h', port: 1 }] }, where)).toEqual([{ host: 'h', port: 1 }]);
  });
});

describe('the settings file', () => {
  const read = (content: string) => {
    const file = join(directory, 'config.json');
    writeFileSync(file, content);
    return readSettings(file);
  };

  test('is an object of flags, or absent', () => {
    expect(read('{"cpuLimit": 75, "label": {"a": "b"}}')).toEqual({ cpuLimit: 75, label: { a: 'b' } });
    expect(readSettings(join(directory, 'none'))).toEqual({});
  });

  test.each([
    ['{', 'is not JSON'],
    ['[]', 'is not a JSON object'],
    ['{"cpulimit": 1}', 'names "cpulimit", which is no flag: did you mean cpuLimit?'],
    ['{"coordinator": true}', 'which is no flag'],
  ])('%j is refused', (content, says) => {
    expect(() => read(content)).toThrow(says);
  });

  test('a directory is refused', () => {
    expect(() => readSettings(directory)).toThrow('cannot read the settings file');
  });
});
