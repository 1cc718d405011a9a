import { describe, expect, test } from 'vitest';
import { encode, encodeScratch } from '../../source/wire/codec.ts';
import { FrameError, frameHeaderBytes, frameOf, frameReader, frameWriter } from '../../source/wire/frame.ts';
import { heartbeat } from './sample-messages.ts';

const limit = 64 * 1024;
const payloads = [1, 3, 40, 7, 200, 1, 64].map((length, seed) => Buffer.alloc(length, seed + 1));
const stream = Buffer.concat(payloads.map(frameOf));

/** Everything that a reader finds in these pieces, copied. */
function readAll(pieces: readonly Buffer[], limitBytes = limit): Buffer[] {
  const reader = frameReader(limitBytes);
  const found: Buffer[] = [];
  for (const piece of pieces) reader.push(piece, (payload) => found.push(Buffer.from(payload)));
  expect(reader.inFrame).toBe(false);
  return found;
}

describe('a stream of frames', () => {
  test('reads the same however it is cut in two', () => {
    for (let at = 0; at <= stream.length; at++)
      expect(readAll([stream.subarray(0, at), stream.subarray(at)])).toEqual(payloads);
  });

  test('reads the same in pieces of any size', () => {
    for (let size = 1; size <= stream.length; size++) {
      const pieces: Buffer[] = [];
      for (let at = 0; at < stream.length; at += size) pieces.push(stream.subarray(at, at + size));
      expect(readAll(pieces)).toEqual(payloads);
    }
  });

  test('is read without a copy where a frame lies wholly in a chunk', () => {
    const chunk = Buffer.from(stream);
    frameReader(limit).push(chunk, (payload) => expect(payload.buffer).toBe(chunk.buffer));
  });

  test('a frame much larger than the chunks arrives whole, in a buffer that nothing changes later', () => {
    const large = Buffer.alloc(3_000_000, 'lbtop');
    const bytes = Buffer.concat([frameOf(large), frameOf(Buffer.alloc(500_000, 1))]);
    const reader = frameReader(8 << 20);
    const found: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 65_536)
      reader.push(bytes.subarray(at, at + 65_536), (payload) => found.push(payload));
    expect(found.map((one) => one.length)).toEqual([3_000_000, 500_000]);
    expect(found[0]?.equals(large)).toBe(true);
  });

  test('tells whether it stands inside a frame, and within which', () => {
    const reader = frameReader(limit);
    const frame = frameOf(Buffer.from('abc'));
    reader.push(frame.subarray(0, 1), () => {});
    expect([reader.inFrame, reader.frames]).toEqual([true, 0]);
    reader.push(frame.subarray(1), () => {});
    expect([reader.inFrame, reader.frames]).toEqual([false, 1]);
  });
});

describe('a length out of range', () => {
  const header = (length: number) => {
    const bytes = Buffer.alloc(frameHeaderBytes);
    bytes.writeUInt32BE(length);
    return bytes;
  };

  test.each([0, limit + 1, 0x7fff_ffff, 0xffff_ffff])('%i is refused before a byte of it is kept', (length) => {
    const before = process.memoryUsage().arrayBuffers;
    expect(() => frameReader(limit).push(header(length), () => {})).toThrow(FrameError);
    const bytewise = frameReader(limit);
    expect(() => {
      for (const byte of header(length)) bytewise.push(Buffer.from([byte]), () => {});
    }).toThrow(FrameError);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
  });

  test('the limit can be raised by what a frame says, for the next one in the same chunk', () => {
    const large = Buffer.alloc(limit + 1, 1);
    const bytes = Buffer.concat([frameOf(Buffer.from('w')), frameOf(large)]);
    const reader = frameReader(limit);
    const found: number[] = [];
    reader.push(bytes, (payload) => {
      found.push(payload.length);
      reader.raiseLimit(limit * 2);
    });
    expect(found).toEqual([1, limit + 1]);
    expect(() => frameReader(limit).push(bytes, () => {})).toThrow(FrameError);
  });
});

test('no damaged bit is taken for data', () => {
  const recorded = encode([heartbeat(1), { kind: 'beat', seq: 2 }]);
  const whole = frameOf(recorded);
  let refused = 0;
  let waiting = 0;
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const damaged = Buffer.from(whole);
    damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
    const reader = frameReader(limit);
    try {
      reader.push(damaged, () => expect.unreachable(`bit ${bit} went unseen`));
      expect(reader.inFrame).toBe(true); // a length that became longer: the next frame's bytes end it, with a wrong sum
      waiting += 1;
      expect(() => reader.push(Buffer.alloc(limit * 2, 0xa5), () => expect.unreachable('taken'))).toThrow(FrameError);
    } catch (error) {
      expect(error).toBeInstanceOf(FrameError);
      refused += 1;
    }
  }
  expect(refused + waiting).toBeGreaterThanOrEqual(whole.length * 8);
});

describe('a writer', () => {
  const add = (writer: ReturnType<typeof frameWriter>, seq: number) => {
    const { bytes, start, end } = encodeScratch(heartbeat(seq));
    writer.append(bytes, start, end);
  };

  test.each([1, 15, 16, 17, 300])('puts %i messages into one frame, as encode does', (count) => {
    const writer = frameWriter(limit);
    for (let seq = 0; seq < count; seq++) add(writer, seq);
    const [frame, ...more] = writer.take();
    expect(more).toEqual([]);
    expect(frame).toEqual(frameOf(encode(Array.from({ length: count }, (_, seq) => heartbeat(seq)))));
    expect(writer.bytes).toBe(0);
    expect(writer.take()).toEqual([]);
  });

  test('begins another frame only where the next message would not fit', () => {
    const size = encode([heartbeat(1)]).length - 1;
    const writer = frameWriter(3 + 2 * size);
    for (let seq = 1; seq <= 5; seq++) add(writer, seq);
    const frames = writer.take();
    expect(frames.map((frame) => frame.length - frameHeaderBytes)).toEqual([1 + 2 * size, 1 + 2 * size, 1 + size]);
    expect(readAll([Buffer.concat(frames)], 3 + 2 * size)).toHaveLength(3);
  });

  test('never counts more than 65,535 messages in a frame', () => {
    const writer = frameWriter(1 << 20);
    const one = encode([{ kind: 'beat', seq: 1 }]);
    for (let count = 0; count < 65_536; count++) writer.append(one, 1, one.length);
    expect(writer.take()).toHaveLength(2);
  });

  test('says so when no frame can hold a message, and goes on without it', () => {
    const writer = frameWriter(100);
    expect(() => writer.append(Buffer.alloc(98), 0, 98)).toThrow(FrameError);
    expect(writer.bytes).toBe(0);
    writer.append(Buffer.alloc(97), 0, 97);
    expect(writer.take()).toHaveLength(1);
  });

  test('keeps what was written before its limit was raised in frames of the old limit', () => {
    const writer = frameWriter(limit);
    add(writer, 1);
    writer.raiseLimit(limit * 100);
    for (let seq = 0; seq < 3_000; seq++) add(writer, seq);
    const frames = writer.take();
    expect(frames).toHaveLength(2);
    expect(frames[0]?.length).toBeLessThan(limit);
    expect(frames[1]?.length).toBeGreaterThan(limit);
  });
});
