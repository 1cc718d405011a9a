import { expect, test } from 'vitest';
import { logLine } from '../../source/wire/log-line.ts';
import fc from '../arbitrary.ts';

const at = Date.UTC(2026, 0, 2, 3, 4, 5, 6);

test('text is time and message', () => {
  expect(logLine('text', at, 'node one is up', { event: 'node-health' })).toBe(
    '2026-01-02T03:04:05.006Z node one is up',
  );
});

test('json has time, level, message and what is known of it', () => {
  expect(JSON.parse(logLine('json', at, 'node one is up', { event: 'node-health', node: 'one' }))).toEqual({
    time: '2026-01-02T03:04:05.006Z',
    level: 'info',
    message: 'node one is up',
    event: 'node-health',
    node: 'one',
  });
});

test('whatever a message quotes is one line, which no terminal obeys; in json it is the same text', () => {
  const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('a\nb', '\x1b[2J', '\u009b2J', '\u202e'));
  fc.assert(
    fc.property(texts, (message) => {
      const json = logLine('json', at, message, { why: message });
      for (const line of [logLine('text', at, message), json]) expect(line).not.toMatch(/[\p{Cc}\u202a-\u202e\u2028]/u);
      expect(Object.keys(JSON.parse(json))).toEqual(['time', 'level', 'message', 'why']);
      if (
        !/[\u{e0000}-\u{e0fff}\u{1d173}-\u{1d17a}\u{110bd}\u{110cd}\u{13430}-\u{1345f}\u{1bca0}-\u{1bca3}]/u.test(
          message,
        )
      )
        expect(JSON.parse(json).message).toBe(message);
    }),
  );
});
