import { Packr } from 'msgpackr/pack';
import { describe, expect, test } from 'vitest';
import { jobSpec } from '../../source/model/job.ts';
import { ShapeError } from '../../source/model/shape.ts';
import { decode, encode, packedElements, packValue, unpackValue } from '../../source/wire/codec.ts';
import { type Message, messages } from '../../source/wire/messages.ts';
import { checkPlain, PlainError } from '../../source/wire/plain.ts';
import fc from '../arbitrary.ts';
import { anyMessage, heartbeat, kinds, messageOf, withoutBuffers } from './sample-messages.ts';

/** Everything that msgpackr can make of values, as a hostile peer may use it. */
const liberal = new Packr({ useRecords: false, structuredClone: true, moreTypes: true });
const recording = new Packr({ useRecords: true });

/** A payload with one message of these raw elements. */
const payloadOf = (...elements: unknown[]): Buffer => packValue([elements]);

describe('messages', () => {
  test.each(kinds)('%s comes back as it was', (kind) => {
    fc.assert(
      fc.property(messageOf(kind), (message) => {
        expect(decode(encode([message])).map(withoutBuffers)).toEqual([message]);
      }),
      { numRuns: 50 },
    );
  });

  test('come back in order, many in a frame', () => {
    fc.assert(
      fc.property(fc.array(anyMessage, { minLength: 1, maxLength: 40 }), (batch) => {
        expect(decode(encode(batch)).map(withoutBuffers)).toEqual(batch);
      }),
      { numRuns: 50 },
    );
  });

  test('binary fields are views of the payload', () => {
    const payload = encode([
      { kind: 'output', job: 1, ordinal: 0, attempt: 1, stream: 1, offset: 0, data: Buffer.from('abc'), cut: 0 },
    ]);
    const [message] = decode(payload);
    expect(message?.kind === 'output' && message.data.buffer).toBe(payload.buffer);
  });

  test('an optional field that an older writer does not send takes its default', () => {
    const spec = {
      ...jobSpec({ work: { kind: 'task', argv: [], shell: false, task: 'noop', input: null } }),
      backoffFactor: 5,
      direct: true,
    };
    const raw = messages.pack({ kind: 'job', job: 3, spec }) as [number, number, unknown[]];
    raw[2].pop();
    expect(decode(packValue([raw]))).toEqual([{ kind: 'job', job: 3, spec: { ...spec, direct: false } }]);
    raw[2].pop();
    const older = { ...spec, direct: false, backoffFactor: 2 };
    expect(decode(packValue([raw]))).toEqual([{ kind: 'job', job: 3, spec: older }]);
  });
});

describe('the closed schema', () => {
  test('skips codes that it does not know and fields beyond those that it knows', () => {
    const raw = [
      [9_999, 'what', {}],
      [...messages.pack(heartbeat(4)), 'later', { more: 1 }],
      [31, 5, null],
    ];
    expect(decode(packValue(raw))).toEqual([heartbeat(4), { kind: 'beat', seq: 5 }]);
    expect(decode(packValue([[9_999]]))).toEqual([]);
  });

  const sample = [1, 1, 1, 1, 1, 0, 0];
  test.each<[string, unknown[], string]>([
    ['a string for a number', [31, 'x'], 'beat.seq'],
    ['a fraction for an integer', [31, 1.5], 'beat.seq'],
    ['a negative counter', [31, -1], 'beat.seq'],
    ['NaN', [11, 1, 1, [Number.NaN, ...sample.slice(1)]], 'heartbeat.sample.cpu'],
    ['Infinity', [11, 1, 1, [1, 1, Number.POSITIVE_INFINITY, 1, 1, 0, 0]], 'heartbeat.sample.memoryUsed'],
    ['1e308 for a load', [11, 1, 1, [1, 1, 1, 1, 1e308, 0, 0]], 'heartbeat.sample.load1'],
    ['a percentage of 101', [11, 1, 1, [101, ...sample.slice(1)]], 'heartbeat.sample.cpu'],
    ['a missing field', [11, 1, 1], 'heartbeat.sample'],
    ['a missing field of a struct', [11, 1, 1, sample.slice(0, 6)], 'heartbeat.sample.waiting'],
    ['a map for a struct', [11, 1, 1, { cpu: 1 }], 'heartbeat.sample'],
    ['a text too long', [4, 'x'.repeat(257)], 'bye.reason'],
    ['a word that it does not know', [3, 'maybe', 'x'], 'refuse.code'],
    ['a node name with a slash', [30, 'a/b', 1], 'joined.name'],
    ['a text for binary', [15, 1, 0, 1, 1, 0, 'data', 0], 'output.data'],
    ['binary too long', [15, 1, 0, 1, 1, 0, Buffer.alloc(262_145), 0], 'output.data'],
    ['too many rows', [12, Array.from({ length: 65_537 }, () => [1, 0, 1])], 'started.attempts'],
    ['a row that is none', [12, [[1, 0, 1], 7]], 'started.attempts'],
    ['a stream that is none', [37, 1, 0, 1, 3, 0], 'stored.stream'],
    ['a code that is a string', ['31', 5], 'code'],
    ['no code', [], 'code'],
  ])('refuses %s, naming the field', (_what, elements, field) => {
    expect(() => decode(payloadOf(...elements))).toThrow(ShapeError);
    expect(() => decode(payloadOf(...elements))).toThrow(field);
  });

  test.each<[string, unknown]>([
    ['a number', 5],
    ['a map', { a: 1 }],
    ['null', null],
    ['no messages', []],
    ['a message that is no array', [5]],
    ['65,537 messages', Array.from({ length: 65_537 }, () => [31, 1])],
  ])('refuses a payload that is %s', (_what, payload) => {
    expect(() => decode(packValue(payload))).toThrow(ShapeError);
  });
});

describe('plain MessagePack only', () => {
  test.each<[string, unknown]>([
    ['a date', new Date(1e12)],
    ['an invalid date', new Date(Number.NaN)],
    ['a regular expression', /(a+)+$/],
    ['a set', new Set([1])],
    ['an error', new TypeError('no')],
    ['a typed array', new Float64Array(3)],
    ['an array buffer', new ArrayBuffer(4)],
    ['undefined', undefined],
    ['a big integer of 64 bits', 2n ** 63n],
    ['a negative big integer', -(2n ** 60n)],
    ['a bigger one', 2n ** 80n],
  ])('refuses %s before it is built', (_what, value) => {
    for (const packed of [
      liberal.pack(value),
      liberal.pack([[50, 1, 'x', value]]),
      liberal.pack({ a: { b: [value] } }),
    ])
      expect(() => unpackValue(packed)).toThrow(PlainError);
  });

  test('refuses values that refer to each other, and records', () => {
    const circle: unknown[] = [1];
    circle.push(circle);
    expect(() => unpackValue(liberal.pack(circle))).toThrow(PlainError);
    const shared = { a: 1 };
    expect(() => unpackValue(liberal.pack([shared, shared]))).toThrow(PlainError);
    expect(() => unpackValue(recording.pack([{ a: 1, b: 2 }]))).toThrow(PlainError);
  });

  test.each(['c1', 'c7', 'c8', 'c9', 'd4', 'd5', 'd6', 'd7', 'd8'])('refuses the first byte 0x%s', (first) => {
    const bytes = Buffer.from(first.padEnd(128, '0'), 'hex');
    expect(() => unpackValue(bytes)).toThrow(`0x${first}`);
    expect(() => unpackValue(Buffer.concat([Buffer.from([0x92, 0]), bytes]))).toThrow(`0x${first}`);
  });

  test('refuses deep nesting, quickly, at any length', () => {
    for (const open of [[0x91], [0x81, 0xa1, 0x61], [0xdd, 0, 0, 0, 1]]) {
      const deep = Buffer.from(Array.from({ length: 100_000 }, () => open).flat());
      expect(() => unpackValue(deep)).toThrow('nested more than');
    }
    const allowed = Buffer.from([...Array.from({ length: 80 }, () => 0x91), 0xc0]);
    expect(() => unpackValue(allowed)).not.toThrow();
  });

  test.each<[string, number[]]>([
    ['an array of 2^32-1', [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ['a map of 2^32-1', [0xdf, 0xff, 0xff, 0xff, 0xff]],
    ['an array of 65,535', [0xdc, 0xff, 0xff]],
    ['a map of 65,535', [0xde, 0xff, 0xff]],
    ['a text of 2^32-1', [0xdb, 0xff, 0xff, 0xff, 0xff]],
    ['binary of 2^32-1', [0xc6, 0xff, 0xff, 0xff, 0xff]],
    ['an array of more elements than bytes', [0x93, 1, 1]],
    ['nothing', []],
  ])('refuses %s that is not there', (_what, bytes) => {
    const before = process.memoryUsage().arrayBuffers;
    expect(() => unpackValue(Buffer.from(bytes))).toThrow(PlainError);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
  });

  test('refuses a rest, every cut, and keys that are not strings or are __proto__', () => {
    const whole = encode([
      heartbeat(1),
      { kind: 'request', id: 1, verb: 'status', args: { a: ['b'.repeat(300), Buffer.alloc(300)] } },
    ]);
    expect(() => unpackValue(Buffer.concat([whole, Buffer.from([0])]))).toThrow('after the value');
    for (let length = 0; length < whole.length; length++)
      expect(() => unpackValue(whole.subarray(0, length))).toThrow(PlainError);
    expect(() => unpackValue(Buffer.from([0x81, 0x01, 0x02]))).toThrow('key');
    expect(() => unpackValue(packValue(JSON.parse('{"a":1,"__proto__":{"b":2}}')))).toThrow('__proto__');
    for (const head of [
      [0xd9, 9],
      [0xda, 0, 9],
      [0xdb, 0, 0, 0, 9],
    ])
      expect(() => unpackValue(Buffer.from([0x81, ...head, ...Buffer.from('__proto__'), 1]))).toThrow('__proto__');
    expect(unpackValue(packValue({ __proto: '__proto__' }))).toEqual({ __proto: '__proto__' });
  });

  test('knows every value of JSON and binary, as large as they come', () => {
    const values = [
      0,
      -1,
      127,
      128,
      255,
      256,
      65_535,
      65_536,
      2 ** 32,
      2 ** 53,
      -32,
      -33,
      -129,
      -32_769,
      -(2 ** 31) - 1,
      0.5,
      1e300,
    ];
    const texts = [0, 1, 31, 32, 255, 256, 65_536].map((length) => 'ä'.repeat(length));
    const arrays = [0, 15, 16, 65_536].map((length) => Array.from({ length }, (_, at) => at));
    const maps = [0, 15, 16, 70_000].map((length) =>
      Object.fromEntries(Array.from({ length }, (_, at) => [`k${at}`, null])),
    );
    const binary = [0, 255, 256, 65_536].map((length) => Buffer.alloc(length, 7));
    for (const value of [null, true, false, ...values, ...texts, ...arrays, ...maps, ...binary, [maps, texts]])
      expect(unpackValue(packValue(value))).toEqual(value);
  });

  test('agrees with the decoder on where values end', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('__proto__'));
        expect(JSON.stringify(unpackValue(packValue(JSON.parse(text))))).toBe(text);
      }),
    );
  });

  test('elements of a list, undecoded: whole, and all of its bytes', () => {
    const check = (list: unknown[]): void => {
      const packed = packValue(list);
      const elements = packedElements(packed);
      expect(elements?.map((one) => JSON.stringify(unpackValue(one)))).toEqual(list.map((one) => JSON.stringify(one)));
      const header = packed.length - (elements ?? []).reduce((sum, { length }) => sum + length, 0);
      expect(header).toBe(list.length < 16 ? 1 : list.length < 65_536 ? 3 : 5);
    };
    for (const length of [0, 1, 15, 16, 70_000]) check(Array.from({ length }, (_, at) => at));
    const plain = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('__proto__'));
    fc.assert(fc.property(fc.array(plain), check));
    for (const none of [null, 7, 'text', { a: 1 }]) expect(packedElements(packValue(none))).toBeNull();
    expect(packedElements(Buffer.alloc(0))).toBeNull();
    const whole = packValue(Array.from({ length: 20 }, () => 'abc'));
    for (let length = 3; length < whole.length; length++)
      expect(() => packedElements(whole.subarray(0, length))).toThrow(PlainError);
  });

  test('leaves room for a header', () => {
    const packed = packValue(['a', 1], 8);
    packed.fill(0xff, 0, 8);
    expect(unpackValue(packed.subarray(8))).toEqual(['a', 1]);
  });

  test('a large value does not make the buffers of small ones large', () => {
    packValue(Buffer.alloc(5_000_000));
    expect(packValue([1]).buffer.byteLength).toBeLessThanOrEqual(64 * 1024);
  });
});

test('damage is refused or means other messages; nothing else happens', () => {
  const batch: Message[] = [
    heartbeat(1),
    { kind: 'bye', reason: 'über 16 characters long' },
    { kind: 'request', id: 1, verb: 'wait', args: [[1, 2], { a: Buffer.alloc(9) }] },
  ];
  const recorded = encode(batch);
  const outcomes = { refused: 0, read: 0 };
  const attempt = (bytes: Buffer) => {
    try {
      for (const message of decode(bytes)) expect(kinds).toContain(message.kind);
      outcomes.read += 1;
    } catch (error) {
      if (!(error instanceof PlainError) && !(error instanceof ShapeError)) throw error;
      outcomes.refused += 1;
    }
  };
  for (let at = 0; at < recorded.length; at++)
    for (let byte = 0; byte < 256; byte++) {
      const damaged = Buffer.from(recorded);
      damaged[at] = byte;
      attempt(damaged);
    }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => attempt(Buffer.from(bytes))),
    { numRuns: 2_000 },
  );
  expect(outcomes.refused).toBeGreaterThan(recorded.length * 50);
  expect(outcomes.read).toBeGreaterThan(0);
});

test('checkPlain takes time in proportion to the bytes', () => {
  const bytes = packValue(Array.from({ length: 1_000_000 }, () => []));
  const began = performance.now();
  checkPlain(bytes, 80);
  expect(performance.now() - began).toBeLessThan(500);
});
