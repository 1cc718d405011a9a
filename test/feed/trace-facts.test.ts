import { describe, expect, test } from 'vitest';
import { type Fact, facts } from '../../source/model/fact.ts';
import { endStates, jobSpec } from '../../source/model/job.ts';
import { ShapeError } from '../../source/model/shape.ts';
import { packValue, unpackValue } from '../../source/wire/codec.ts';
import { bytesByKind, factsPerBatch, packFacts, unpackFacts } from '../../source/wire/fact-bytes.ts';
import { PlainError } from '../../source/wire/plain.ts';
import fc from '../arbitrary.ts';

const instant = fc.oneof(
  fc.integer({ min: 1_700_000_000_000, max: 1_800_000_000_000 }),
  fc.integer({ min: 17_000_000_000_000, max: 18_000_000_000_000 }).map((tenths) => tenths / 10),
  fc.double({ min: 0, max: 2e12, noNaN: true, noDefaultInfinity: true }),
);
const measure = fc.oneof(
  fc.integer({ min: 0, max: 10_000 }).map((hundredths) => hundredths / 100),
  fc.double({ min: 0, max: 100, noNaN: true }),
);
const bytes = fc.oneof(
  fc.nat(1 << 30).map((kibibytes) => kibibytes * 1_024),
  fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
);
const node = fc.constantFrom('node-1', 'node-2', 'a.b_c-D', 'x');
const job = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }));
const task = { at: instant, job, ordinal: fc.nat(9_999_999), attempt: fc.nat(65_535) };
const words = fc.string({ maxLength: 40, unit: 'binary' });

const sampled = fc.record({
  kind: fc.constant('sampled' as const),
  at: instant,
  node,
  seen: fc.maxSafeNat(),
  sample: fc.record({
    cpu: measure,
    cpuOurs: measure,
    memoryUsed: bytes,
    memoryOurs: bytes,
    load1: measure,
    running: fc.nat(100),
    waiting: fc.nat(100),
  }),
});
const others = fc.oneof(
  fc.record({ kind: fc.constant('assigned' as const), ...task, node, adopted: fc.boolean() }),
  fc.record({ kind: fc.constant('started' as const), ...task, node }),
  fc.record({
    kind: fc.constant('ended' as const),
    ...task,
    state: fc.constantFrom(...endStates),
    node: fc.option(node),
    exitCode: fc.option(fc.nat(255)),
    signal: fc.option(words),
    error: fc.option(words),
    runMs: fc.double({ min: 0, max: 1e9, noNaN: true }),
    cpuMs: measure,
    peakBytes: bytes,
  }),
  fc.record({
    kind: fc.constant('node-health' as const),
    at: instant,
    node,
    health: fc.constantFrom('up', 'lost'),
    reason: words,
  }),
  fc.record({ kind: fc.constant('due' as const), at: instant, job }),
  fc.record({
    kind: fc.constant('job-submitted' as const),
    at: instant,
    job,
    by: words,
    spec: fc
      .record({
        name: words,
        input: fc.jsonValue({ maxDepth: 4 }),
        stdin: fc.option(fc.uint8Array()),
        argv: fc.array(words, { maxLength: 2 }),
        env: fc.constantFrom<Record<string, string>>({}, { A: '1' }, { A: '2' }, { B: '1', A: '1' }),
      })
      .map(({ input, argv, ...rest }) =>
        jobSpec({ ...rest, work: { kind: 'task', argv, shell: false, task: 'noop', input: plain(input) } }),
      ),
  }),
);
const batch = fc.array(fc.oneof(sampled, others), { maxLength: 60 }) as fc.Arbitrary<Fact[]>;

/** MessagePack has no -0 among its integers, and a key `__proto__` is refused everywhere. */
function plain(value: unknown): never {
  return JSON.parse(JSON.stringify(value).replaceAll('__proto__', 'proto')) as never;
}

describe('facts as bytes', () => {
  test('come back as they were', () => {
    fc.assert(
      fc.property(batch, (given) => {
        const back = unpackFacts(packFacts(given));
        expect(back.map(normal)).toEqual(given.map(normal));
      }),
      { numRuns: 300 },
    );
  });

  test('no facts are no facts', () => {
    expect(unpackFacts(packFacts([]))).toEqual([]);
  });

  test('each kind of fact has its fields after `at`', () => {
    for (const [, fields] of Object.values(facts.kinds)) expect(Object.keys(fields)[0]).toBe('at');
  });

  test('jobs that resemble each other take little more than what tells them apart', () => {
    const given = Array.from({ length: 100 }, (_, i): Fact => {
      const work = { kind: 'command' as const, argv: ['wc', `file-${i}`], shell: false, task: '', input: null };
      return { kind: 'job-submitted', at: 1.7e12, job: i + 1, by: 'me', spec: jobSpec({ work, env: { LANG: 'C' } }) };
    });
    const bytes = packFacts(given);
    expect(bytes.length / given.length).toBeLessThan(16);
    expect(unpackFacts(bytes)).toEqual(given);
  });

  test('columns within columns too deep, and lists of too many, are refused', () => {
    const of = (spec: unknown) => packValue([new Uint8Array([0]), [0, 1], [[2, [[0, 1], spec, [0, 'me']]]]]);
    const within = (levels: number): unknown => (levels === 0 ? [0, 'x'] : [6, [within(levels - 1)]]);
    expect(() => unpackFacts(of([6, [[0, ''], within(4)]]))).toThrow(/columns within columns at most 3 deep/);
    expect(() =>
      unpackFacts(
        of([
          6,
          [
            [0, ''],
            [
              6,
              [
                [0, 'command'],
                [6, new Array(33).fill([0, 'x'])],
              ],
            ],
          ],
        ]),
      ),
    ).toThrow(/^job-submitted\.spec: work: argv: expected at most 32 columns/);
  });

  test('more than a batch holds is refused', () => {
    const one: Fact = { kind: 'due', at: 1, job: 1 };
    expect(() => packFacts(new Array<Fact>(factsPerBatch + 1).fill(one))).toThrow(RangeError);
    expect(unpackFacts(packFacts(new Array<Fact>(factsPerBatch).fill(one)))).toHaveLength(factsPerBatch);
  });

  test('a heartbeat of a hundred nodes takes little room', () => {
    const given: Fact[] = [];
    for (let beat = 0; beat < 5; beat++)
      for (let i = 0; i < 100; i++) {
        const cpu = Math.round((40 + Math.sin(i + beat) * 3) * 100) / 100;
        const memoryUsed = (4_000_000 + i * 1_000 + ((beat * 7_919) % 5_000)) * 1_024;
        const sample = {
          cpu,
          cpuOurs: cpu - 2,
          memoryUsed,
          memoryOurs: memoryUsed / 2,
          load1: 2.5,
          running: 4,
          waiting: 0,
        };
        given.push({ kind: 'sampled', at: 1.7e12 + beat * 1_000 + i * 10, node: `node-${i}`, seen: 10, sample });
      }
    expect(packFacts(given).length / given.length).toBeLessThan(24);
    expect([...bytesByKind(packFacts(given)).keys()]).toEqual(['sampled']);
  });

  test('facts of a kind that is not known are left out, others keep their order', () => {
    const given: Fact[] = [
      { kind: 'due', at: 1, job: 1 },
      { kind: 'node-drained', at: 2, node: 'n' },
      { kind: 'due', at: 3, job: 2 },
    ];
    const raw = [
      new Uint8Array([0, 1, 0]),
      [1, 1, new Uint8Array([2, 2, 2])],
      [
        [13, [[1, 1, new Uint8Array([2, 2])]]],
        [9_999, []],
      ],
    ];
    expect(unpackFacts(packValue(raw))).toEqual([given[0], given[2]]);
  });

  test('a field that an older writer did not know has its default', () => {
    const raw = [
      new Uint8Array([0]),
      [0, 5],
      [
        [
          40,
          [
            [0, true],
            [0, 'me'],
          ],
        ],
      ],
    ];
    expect(unpackFacts(packValue(raw))).toEqual([{ kind: 'queue-paused', at: 5, paused: true, by: 'me', reason: '' }]);
  });

  test.each([
    ['nothing of the kind', 7],
    ['no tables', [new Uint8Array(1), [0, 1]]],
    ['a fact of no table', [new Uint8Array([1]), [0, 1], [[13, [[0, 1]]]]]],
    ['times that are too few', [new Uint8Array([0, 0]), [1, 1, new Uint8Array([2])], [[13, [[0, 1]]]]]],
    ['times that are too many', [new Uint8Array([0]), [1, 1, new Uint8Array([2, 2])], [[13, [[0, 1]]]]]],
    ['an endless number', [new Uint8Array([0]), [1, 1, new Uint8Array(12).fill(255)], [[13, [[0, 1]]]]]],
    ['an unknown kind of column', [new Uint8Array([0]), [9, 1], [[13, [[0, 1]]]]]],
    ['a scale of nothing', [new Uint8Array([0]), [1, 0, new Uint8Array([2])], [[13, [[0, 1]]]]]],
    ['a field out of range', [new Uint8Array([0]), [0, 1], [[13, [[0, 0]]]]]],
    [
      'a word that is none',
      [
        new Uint8Array([0]),
        [0, 1],
        [
          [
            21,
            [
              [0, 'n'],
              [0, 'well'],
              [0, ''],
            ],
          ],
        ],
      ],
    ],
    ['a missing field', [new Uint8Array([0]), [0, 1], [[21, [[0, 'n']]]]]],
    ['a place beyond the list', [new Uint8Array([0]), [0, 1], [[24, [[3, ['n'], new Uint8Array([4])]]]]]],
    ['a value too few', [new Uint8Array([0]), [0, 1], [[24, [[5, []]]]]]],
    [
      'a struct in a struct',
      [
        new Uint8Array([0]),
        [0, 1],
        [
          [
            28,
            [
              [0, 'n'],
              [0, 1],
              [6, [[6, [[0, 1]]]]],
            ],
          ],
        ],
      ],
    ],
  ])('%s is refused', (_, raw) => {
    expect(() => unpackFacts(packValue(raw))).toThrow(ShapeError);
  });

  test('a struct in columns: each field is checked by its name, none may be missing, later ones are passed over', () => {
    const sample = { cpu: 1, cpuOurs: 0.5, memoryUsed: 10, memoryOurs: 5, load1: 2, running: 1, waiting: 0 };
    const given: Fact[] = [1, 2].map((at) => ({
      kind: 'sampled',
      at,
      node: 'n',
      seen: 0,
      sample: { ...sample, cpu: at },
    }));
    const raw = unpackValue(packFacts(given)) as [unknown, unknown, [[number, [unknown, unknown, [6, unknown[]]]]]];
    const columns = raw[2][0][1][2][1];
    expect(columns.length).toBe(Object.keys(sample).length);
    columns.push([0, 'of a later version']);
    expect(unpackFacts(packValue(raw))).toEqual(given);
    columns[3] = [0, 'much'];
    expect(() => unpackFacts(packValue(raw))).toThrow(/^sampled\.sample: memoryOurs: expected /);
    columns.length = 2;
    expect(() => unpackFacts(packValue(raw))).toThrow(/^sampled\.sample: memoryUsed: expected /);
  });

  test('bytes of any kind give facts or one of two errors', () => {
    const submitted = (job: number, argv: string[]): Fact => {
      const work = { kind: 'command', argv, shell: false, task: '', input: null } as const;
      return { kind: 'job-submitted', at: 1, job, by: 'me', spec: jobSpec({ work: { ...work, argv } }) };
    };
    const good = packFacts([
      { kind: 'due', at: 1.5, job: 3 },
      { kind: 'node-drained', at: 2, node: 'n' },
      ...['a', 'b', 'c'].map((file, i) => submitted(i + 1, ['wc', file])),
    ]);
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
        const bad = Buffer.from(good);
        bad[at] = value;
        try {
          for (const fact of unpackFacts(bad)) facts.pack(fact);
        } catch (error) {
          expect(error instanceof ShapeError || error instanceof PlainError).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

/** Buffers and Uint8Arrays of the same bytes are the same. */
function normal(fact: Fact): unknown {
  if (fact.kind !== 'job-submitted' || fact.spec.stdin === null) return fact;
  return { ...fact, spec: { ...fact.spec, stdin: [...fact.spec.stdin] } };
}
