/** Notes of what left before the journal had it, as the next process finds them. */
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Intent, openIntentLog, readIntents } from '../../source/journal/intent-log.ts';

const memory = '/dev/shm';
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lbtop-intents-'));
});
afterEach(() => {
  for (const file of ours()) rmSync(join(memory, file));
  rmSync(directory, { recursive: true });
});

/** Those of the test's directory. */
function ours(): string[] {
  if (!existsSync(memory)) return [];
  const ino = statSync(directory).ino.toString(36);
  return readdirSync(memory).filter((file) => file.startsWith('lbtop-') && file.endsWith(`-${ino}`));
}

const intent = (ordinal: number, node = 'a'): Intent => ({ job: 7, ordinal, attempt: 1, node });

describe.skipIf(!existsSync(memory))('in shared memory', () => {
  const open = () => {
    const log = openIntentLog(directory);
    if (log === null) throw new Error('there is no log');
    return log;
  };

  test('what was noted since the last clear is found by who comes after a kill', () => {
    const log = open();
    expect(readIntents(directory, 3)).toEqual([]);
    expect(log.note(3, [intent(0), intent(1, 'b')])).toBe(true);
    expect(log.note(3, [])).toBe(true);
    expect(log.note(3, [intent(2)])).toBe(true);
    expect(readIntents(directory, 3)).toEqual([intent(0), intent(1, 'b'), intent(2)]);
    log.clear();
    log.note(3, [intent(9)]);
    // The second record of before lies behind it.
    expect(readIntents(directory, 3)).toEqual([intent(9)]);
  });

  test('what the journal has by now may still be there: nothing is written for a clear', () => {
    const log = open();
    log.note(3, [intent(0)]);
    log.clear();
    expect(readIntents(directory, 3)).toEqual([intent(0)]);
  });

  test('another session, and another copy of the directory, have none of it', () => {
    open().note(3, [intent(0)]);
    expect(readIntents(directory, 2)).toEqual([]);
    expect(readIntents(directory, 4)).toEqual([]);
    const copy = mkdtempSync(join(tmpdir(), 'lbtop-intents-'));
    expect(readIntents(copy, 3)).toEqual([]);
    rmSync(copy, { recursive: true });
  });

  test('cut anywhere, or with a byte changed, the whole records before that are left', () => {
    const log = open();
    const whole = [[intent(0)], [intent(1), intent(2)]];
    for (const intents of whole) log.note(3, intents);
    const [name] = ours();
    const file = join(memory, name as string);
    const bytes = readFileSync(file);
    const prefixes = [[], whole[0], whole.flat()];
    for (let length = 0; length <= bytes.length; length++) {
      writeFileSync(file, bytes.subarray(0, length));
      expect(prefixes).toContainEqual(readIntents(directory, 3));
    }
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] as number) ^ 0x10;
      writeFileSync(file, changed);
      expect(prefixes.slice(0, 2)).toContainEqual(readIntents(directory, 3));
    }
  });

  test('where there is no more room work has to wait for the journal, and goes on when that has it', () => {
    const log = open();
    const many = Array.from({ length: 1_000 }, (_, ordinal) => intent(ordinal));
    let noted = 0;
    while (log.note(3, many)) noted++;
    expect(noted).toBeGreaterThan(10);
    expect(readIntents(directory, 3)).toHaveLength(noted * 1_000);
    log.clear();
    expect(log.note(3, many)).toBe(true);
  });

  test('a file that others may write is neither used nor believed', () => {
    open().note(3, [intent(0)]);
    const file = join(memory, ours()[0] as string);
    chmodSync(file, 0o666);
    expect(readIntents(directory, 3)).toEqual([]);
    expect(openIntentLog(directory)).toBeNull();
  });

  test('it is for the owner alone, and goes with a coordinator that ends well', () => {
    const log = open();
    log.note(3, [intent(0)]);
    expect(statSync(join(memory, ours()[0] as string)).mode & 0o777).toBe(0o600);
    log.close();
    expect(ours()).toEqual([]);
    expect(readIntents(directory, 3)).toEqual([]);
  });
});
