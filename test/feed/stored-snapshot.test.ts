import { describe, expect, test } from 'vitest';
import { packSnapshot, readSnapshot } from '../../source/feed/stored-snapshot.ts';
import { packValues } from '../../source/journal/value-stream.ts';
import { jobSpec } from '../../source/model/job.ts';
import { ShapeError } from '../../source/model/shape.ts';
import { apply } from '../../source/scheduler/apply.ts';
import { violations } from '../../source/scheduler/invariants.ts';
import { takeSnapshot } from '../../source/scheduler/snapshot.ts';
import { emptyState, type State } from '../../source/scheduler/state.ts';
import { packValue } from '../../source/wire/codec.ts';
import { type Fleet, fleet } from '../scheduler/fleet.ts';

/** The state after so many submissions of the same command, each for a file of its own. */
function queued(jobs: number): State {
  const state = emptyState();
  for (let job = 1; job <= jobs; job++) {
    const work = { kind: 'command', argv: ['wc', `file-${job}`], shell: false, task: '', input: null } as const;
    const spec = jobSpec({ work: { ...work, argv: [...work.argv] } });
    apply(state, { kind: 'job-submitted', at: 1_000_000, job, spec, by: 'ana' });
  }
  return state;
}

/** Jobs that resemble each other, some that do not, tasks in several states. */
function busy(): Fleet {
  const on = fleet('first', { state: queued(1_500) });
  on.join('a', { slots: 30 });
  on.join('b', { slots: 2, labels: { disk: 'ssd' } });
  on.submit(3_000, { retries: 3, key: 'k', env: { LANG: 'C' }, maxFails: 7 });
  on.submit(1, { after: [1, 2], stdin: new Uint8Array(700_000).fill(7) });
  on.submit(1, { after: [1_501], stdin: new Uint8Array(700_000).fill(8), labels: { disk: 'ssd' } });
  on.submit(2, {
    work: { kind: 'task', argv: [], shell: false, task: 'noop', input: { deep: ['x'.repeat(500_000)] } },
  });
  on.dispatch();
  on.start('a', '1.0#1', '2.0#1', '3.0#1');
  on.end('a', '2.0#1');
  on.fail('a', '3.0#1', { error: 'bad' });
  on.tell({ kind: 'cancel', target: { job: 1_501, ordinal: 5 }, by: 'ana' });
  return on;
}

async function* given(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  // As a store gives them: each of its own, none of them to be kept.
  for (const chunk of chunks) yield Uint8Array.from(chunk);
}

async function expectSame(chunks: Iterable<Uint8Array>, state: State): Promise<void> {
  const restored = await readSnapshot(given(chunks));
  expect(violations(restored)).toEqual([]);
  expect(packValue(takeSnapshot(restored)).equals(packValue(takeSnapshot(state)))).toBe(true);
}

describe('a stored snapshot', () => {
  test.each([100, 65_536, 64 * 1_024 * 1_024])(
    'in chunks of %i bytes leads to the state that it is of',
    async (chunkBytes) => {
      const { state } = busy();
      const chunks = [...packSnapshot(state, chunkBytes)];
      expect(chunks.slice(0, -1).every((chunk) => chunk.length === chunkBytes)).toBe(true);
      await expectSame(chunks, state);
    },
  );

  test('of an older version, record by record, is read', async () => {
    const { state } = busy();
    await expectSame(packValues(takeSnapshot(state), 65_536), state);
  });

  test('takes few bytes for jobs that resemble each other', () => {
    let bytes = 0;
    for (const chunk of packSnapshot(queued(10_000), 65_536)) bytes += chunk.length;
    expect(bytes / 10_000).toBeLessThan(25);
  });

  test('is read as far as it is known: records of a later kind are passed over, anything else is an error', async () => {
    const { state } = fleet('first');
    const [head] = takeSnapshot(state);
    const later = packValue([new Uint8Array([0]), null, [[200, [[0, 1]]]]]);
    await expectSame(packValues([head, later, [201, 1]], 65_536), state);
    await expect(readSnapshot(given(packValues([later], 65_536)))).rejects.toThrow(ShapeError);
    const broken = packValue([
      new Uint8Array([0]),
      null,
      [
        [
          5,
          [
            [0, 1],
            [0, []],
          ],
        ],
      ],
    ]);
    await expect(readSnapshot(given(packValues([head, broken], 65_536)))).rejects.toThrow(
      /^durations\.name: expected text/,
    );
  });
});
