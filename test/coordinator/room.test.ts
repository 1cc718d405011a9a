/** Room for a job is asked for before the job is taken. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { jobBytes, roomIn } from '../../source/coordinator/room.ts';
import { openLocalStore } from '../../source/journal/local.ts';
import { LbtopError } from '../../source/model/errors.ts';
import { jobSpec, type Work } from '../../source/model/job.ts';
import { smallDisk } from '../helpers/small-disk.ts';

const megabyte = 1024 * 1024;

test('what is claimed counts until it is given back, and a refused claim does not', () => {
  const store = { full: null as string | null, roomBytes: () => 10 * megabyte };
  const room = roomIn(store, { held: null });
  const first = room.claim(5 * megabyte);
  expect(() => room.claim(5 * megabyte)).toThrow(/no room for the 5242880 bytes of this job/);
  room.claim(2 * megabyte)[Symbol.dispose]();
  first[Symbol.dispose]();
  room.claim(7 * megabyte)[Symbol.dispose]();
  store.full = 'the disk is full';
  expect(room.full()).toBe('the disk is full');
  expect(() => room.claim(1)).toThrow(new LbtopError('failed', 'the disk is full'));
});

test('commits that wait for room stop jobs, too', () => {
  const room = roomIn({ full: null, roomBytes: () => Infinity }, { held: 'no room' });
  expect(() => room.claim(1)).toThrow(/no room/);
});

test('a job takes what it holds', () => {
  const work: Work = { kind: 'command', argv: ['x'.repeat(1_000)], shell: false, task: '', input: null };
  const spec = jobSpec({ work, stdin: new Uint8Array(10_000), env: { a: 'y'.repeat(100) } });
  expect(jobBytes(spec, 1_000_000)).toBeGreaterThan(1_011_100);
  expect(jobBytes(spec, 1_000_000)).toBeLessThan(1_013_000);
});

test('a disk with little room takes a small job and refuses a large one', async ({ skip }) => {
  using disk = smallDisk(16);
  if (disk === null) return skip('needs root');
  const store = await openLocalStore({ directory: join(disk.directory, 'data') });
  const room = roomIn(store, { held: null });
  room.claim(8 * megabyte)[Symbol.dispose]();
  disk.fill();
  room.claim(100_000)[Symbol.dispose]();
  expect(() => room.claim(megabyte)).toThrow(/full/);
  disk.free();
  room.claim(8 * megabyte)[Symbol.dispose]();
  await store.close();
});
