import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { logOutput } from '../../source/coordinator/log-output.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a line alone is written at once, what follows it soon goes together, in order', () => {
  const written: string[] = [];
  const log = logOutput((text) => void written.push(text), 50);
  log.line('one');
  expect(written).toEqual(['one\n']);
  log.line('two');
  log.line('three');
  vi.advanceTimersByTime(49);
  expect(written).toHaveLength(1);
  vi.advanceTimersByTime(1);
  expect(written).toEqual(['one\n', 'two\nthree\n']);
  // As long as more comes, it is gathered; after a moment without any the next one is written at once.
  log.line('four');
  expect(written).toHaveLength(2);
  vi.advanceTimersByTime(50);
  expect(written[2]).toBe('four\n');
  vi.advanceTimersByTime(50);
  log.line('five');
  expect(written[3]).toBe('five\n');
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(50);
  expect(vi.getTimerCount()).toBe(0);
});

test('what waits is written when told, and when it is much', () => {
  const written: string[] = [];
  const log = logOutput((text) => void written.push(text), 50);
  log.line('one');
  log.line('two');
  log.flush();
  log.flush();
  expect(written).toEqual(['one\n', 'two\n']);
  for (let i = 0; i < 100; i++) log.line('x'.repeat(1_000));
  expect(written).toHaveLength(3);
  expect(written[2]?.length).toBeLessThan(70_000);
  log.flush();
  expect(written.join('').split('\n')).toHaveLength(103);
});

test('a line written while others are written is not lost', () => {
  const written: string[] = [];
  const log = logOutput((text) => {
    written.push(text);
    if (text === 'two\n') log.line('more');
  }, 50);
  log.line('one');
  log.line('two');
  vi.advanceTimersByTime(50);
  vi.advanceTimersByTime(50);
  expect(written).toEqual(['one\n', 'two\n', 'more\n']);
});
