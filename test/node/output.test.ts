import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { byteQueue } from '../../source/node/byte-queue.ts';
import { outputStream, type Piece } from '../../source/node/output.ts';
import { processStat } from '../../source/node/process-stat.ts';
import { agentOn, command, fakeCoordinator, give, outcomeOf, shell, until } from './fake-coordinator.ts';

test('a byte queue keeps what is between its ends', () => {
  const all = randomBytes(400_000);
  const queue = byteQueue();
  let at = 0;
  for (const size of [1, 1, 1023, 5, 70_000, 3, 16_384, 64_000, 10, 0, 100_000]) {
    queue.append(all.subarray(at, at + size));
    at += size;
  }
  expect([queue.from, queue.to]).toEqual([0, at]);
  for (const from of [0, 1, 1024, 1030, 71_000, 200_000]) {
    queue.dropTo(from);
    let seen = from;
    while (seen < at) {
      const view = queue.view(seen, 7_777);
      expect(view.length).toBeGreaterThan(0);
      expect(all.subarray(seen, seen + view.length).equals(view)).toBe(true);
      seen += view.length;
    }
  }
  queue.dropTo(at);
  expect(queue.view(at, 10).length).toBe(0);
  queue.append(Buffer.from('x'));
  expect(Buffer.from(queue.view(at, 10)).toString()).toBe('x');
});

function stream(windowBytes: number, quotaBytes: number) {
  const pieces: (Piece & { text: string })[] = [];
  const told = { finished: 0, resumed: 0, open: true };
  const made = outputStream({
    say(piece) {
      if (!told.open) return false;
      pieces.push({ ...piece, text: Buffer.from(piece.data).toString() });
      return true;
    },
    resume: () => told.resumed++,
    finished: () => told.finished++,
    windowBytes,
    quotaBytes,
  });
  return { made, pieces, told };
}

describe('a stream', () => {
  test('stays within the window, and reads on when there is room', () => {
    const { made, pieces, told } = stream(10, 1_000);
    expect(made.take(Buffer.from('12345'))).toBe(true);
    expect(made.take(Buffer.from('67890abc'))).toBe(false);
    made.pump();
    expect(pieces.map((one) => one.text).join('')).toBe('1234567890');
    made.stored(2);
    expect(told.resumed).toBe(0);
    made.stored(5);
    expect(told.resumed).toBe(1);
    made.end();
    expect(pieces.map((one) => one.text).join('')).toBe('1234567890abc');
    expect([told.finished, made.said, made.totalBytes]).toEqual([1, true, 13]);
  });

  test('the quota cuts, counts and never blocks', () => {
    const { made, pieces } = stream(8, 10);
    expect(made.take(Buffer.from('12345678'))).toBe(false);
    made.pump();
    made.stored(8);
    expect(made.take(Buffer.from('90abc'))).toBe(true);
    expect(made.take(Buffer.from('d'.repeat(100)))).toBe(true);
    made.end();
    expect(pieces.at(-1)).toMatchObject({ offset: 10, text: '', cut: 103 });
    expect(pieces.map((one) => one.text).join('')).toBe('1234567890');
    expect(made.totalBytes).toBe(113);
  });

  test('says again what is not stored, and nothing that is', () => {
    const { made, pieces, told } = stream(100, 20);
    made.take(Buffer.from('abcdefghij'));
    made.pump();
    made.stored(4);
    told.open = false;
    made.take(Buffer.from('klmnopqrstuvwxyz'));
    made.end();
    expect(made.said).toBe(false);
    told.open = true;
    pieces.length = 0;
    made.rewind();
    made.pump();
    expect(pieces.map((one) => one.text).join('')).toBe('efghijklmnopqrst');
    expect([pieces[0]?.offset, pieces.at(-1)?.cut, told.finished]).toEqual([4, 6, 1]);
    made.rewind();
    made.stored(20); // it had them all along
    expect(pieces.at(-1)).toMatchObject({ offset: 20, text: '', cut: 6 });
    expect(told.finished).toBe(2);
  });

  test('cut short, it ends without waiting for room', () => {
    const { made, pieces, told } = stream(4, 100);
    made.take(Buffer.from('123456'));
    made.cutShort();
    expect(pieces.map((one) => [one.text, one.cut])).toEqual([
      ['1234', 0],
      ['', 2],
    ]);
    expect([told.finished, made.totalBytes]).toEqual([1, 6]);
  });
});

test('a task whose output nobody stores is held up within the window, and ends when it is stored', async () => {
  const fake = fakeCoordinator();
  fake.auto.stored = false;
  await using _ = await agentOn(fake);
  const [attempt] = give(fake, command('head', '-c', '5000000', '/dev/zero'));
  const sent = (): number => fake.of('output').reduce((sum, one) => sum + one.data.length, 0);
  await until(() => sent() === 1024 * 1024);
  const pid = await until(() => [...findPids('head')][0]);
  await until(() => processStat(pid)?.state === 'S');
  const before = sent();
  const beats = fake.of('heartbeat').length;
  await until(() => fake.of('heartbeat').length > beats);
  expect(sent()).toBe(before);
  fake.auto.stored = true;
  if (attempt) fake.say({ kind: 'stored', ...attempt, stream: 1, offset: 1024 * 1024 });
  const outcome = await outcomeOf(fake, attempt);
  expect(outcome).toMatchObject({ outcome: 'succeeded', stdoutBytes: 5_000_000 });
  expect(fake.output(outcome, 1).length).toBe(5_000_000);
});

test('a stopped task ends though its output is not stored', async () => {
  const fake = fakeCoordinator();
  fake.auto.stored = false;
  await using _ = await agentOn(fake);
  const [attempt] = give(fake, command('cat', '/dev/zero'));
  await until(() => fake.of('output').reduce((sum, one) => sum + one.data.length, 0) === 1024 * 1024);
  fake.say({ kind: 'stop', attempts: attempt ? [attempt] : [], why: 'enough' });
  const outcome = await outcomeOf(fake, attempt);
  expect(outcome.outcome).toBe('stopped');
  const cut = fake.of('output').reduce((sum, one) => sum + one.cut, 0);
  expect(outcome.stdoutBytes).toBe(1024 * 1024 + cut);
});

test('small output comes soon, while the task runs', async () => {
  const fake = fakeCoordinator();
  await using _ = await agentOn(fake);
  const [attempt] = give(fake, shell('echo a; sleep 0.3; printf b; sleep 60'));
  await until(() => attempt && fake.output(attempt, 1).toString() === 'a\nb');
  expect(fake.outcomes()).toEqual([]);
});

test('nothing is said to a coordinator that does not read; it goes on when it does', async () => {
  const fake = fakeCoordinator();
  await using _ = await agentOn(fake);
  fake.backlogBytes = 5_000_000;
  const [attempt] = give(fake, shell('echo a'));
  const beats = fake.of('heartbeat').length;
  await until(() => fake.of('heartbeat').length > beats);
  expect([fake.of('output').length, fake.outcomes().length]).toEqual([0, 0]);
  fake.backlogBytes = 0;
  fake.drained();
  expect(await outcomeOf(fake, attempt)).toMatchObject({ outcome: 'succeeded' });
  expect(fake.of('output').length).toBe(1);
});

function* findPids(name: string): Iterable<number> {
  const { readdirSync, readFileSync } = process.getBuiltinModule('node:fs');
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === name && processStat(Number(pid))?.state !== 'Z')
        yield Number(pid);
    } catch {
      // ended
    }
  }
}
