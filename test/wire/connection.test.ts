import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { limits } from '../../source/model/limits.ts';
import { decode, encode, packValue } from '../../source/wire/codec.ts';
import { type Connection, type ConnectionOptions, openConnection } from '../../source/wire/connection.ts';
import { frameOf, frameReader } from '../../source/wire/frame.ts';
import type { Message } from '../../source/wire/messages.ts';
import { heartbeat } from './sample-messages.ts';

let server: Server;
/** The other end of each connection, a bare socket. */
let far: Socket;
let near: Socket;

beforeEach(async () => {
  server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [[Socket], unknown];
  far.on('error', () => {});
});

afterEach(() => {
  near.destroy();
  far.destroy();
  server.close();
});

/** Opens a connection on the near socket and records what it tells. */
function open(options?: ConnectionOptions) {
  const seen = {
    messages: [] as Message[],
    batches: 0,
    closed: [] as string[],
    faults: [] as unknown[],
    heard: 0,
    drained: 0,
  };
  const connection: Connection = openConnection(
    near,
    {
      messages(batch) {
        seen.batches += 1;
        seen.messages.push(...batch);
      },
      closed(reason, fault) {
        seen.closed.push(reason);
        seen.faults.push(fault);
      },
      heard: () => (seen.heard += 1),
      drained: () => (seen.drained += 1),
    },
    options,
  );
  return { connection, seen };
}

/** The frames that arrive at the far end, decoded. */
function farFrames(): Message[][] {
  const frames: Message[][] = [];
  const reader = frameReader(limits.frameBytes);
  far.on('data', (chunk) => reader.push(chunk, (payload) => frames.push(decode(payload))));
  return frames;
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('sending', () => {
  test('what is sent in one turn leaves as one frame and one write', async () => {
    const frames = farFrames();
    const write = vi.spyOn(near, 'write');
    const { connection } = open();
    for (let seq = 0; seq < 100; seq++) connection.send(heartbeat(seq));
    await Promise.resolve().then(() => connection.send(heartbeat(100)));
    process.nextTick(() => connection.send(heartbeat(101)));
    expect(write).not.toHaveBeenCalled();
    await vi.waitFor(() => expect(frames).toHaveLength(1));
    expect(frames[0]).toEqual(Array.from({ length: 102 }, (_, seq) => heartbeat(seq)));
    expect(write).toHaveBeenCalledTimes(1);
    await turn();
    connection.send(heartbeat(1));
    await vi.waitFor(() => expect(frames).toHaveLength(2));
    expect(write).toHaveBeenCalledTimes(2);
  });

  test('a message is taken as it was when it was sent', async () => {
    const frames = farFrames();
    const { connection } = open();
    const data = Buffer.from('before');
    const key = { job: 1, ordinal: 0, attempt: 1, stream: 1, offset: 0, cut: 0 };
    connection.send({ kind: 'output', ...key, data });
    data.write('later!');
    await vi.waitFor(() => expect(frames).toEqual([[{ kind: 'output', ...key, data: Buffer.from('before') }]]));
  });

  test('a turn beyond the limit of a frame takes several, in order', async () => {
    const frames = farFrames();
    const { connection } = open();
    for (let seq = 0; seq < 3_000; seq++) connection.send(heartbeat(seq));
    await vi.waitFor(() => expect(frames.flat()).toHaveLength(3_000));
    expect(frames.flat().map((one) => one.kind === 'heartbeat' && one.seq)).toEqual(
      Array.from({ length: 3_000 }, (_, seq) => seq),
    );
    expect(frames.length).toBeLessThan(5);
  });

  test('large frames are for after the welcome, which itself goes in a small one', async () => {
    const frames = farFrames();
    const { connection } = open();
    const large: Message = { kind: 'item', id: 1, value: Buffer.alloc(limits.frameBytesBeforeWelcome) };
    expect(() => connection.send(large)).toThrow('a frame holds');
    connection.send({ kind: 'beat', seq: 1 });
    connection.allowLargeFrames();
    connection.send(large);
    connection.send({ kind: 'beat', seq: 2 });
    await vi.waitFor(() => expect(frames.flat()).toHaveLength(3));
    expect(frames.map((frame) => frame.map((one) => one.kind))).toEqual([['beat'], ['item', 'beat']]);
    expect(() => connection.send({ kind: 'item', id: 1, value: Buffer.alloc(limits.frameBytes) })).toThrow(
      'a frame holds',
    );
    expect(connection.open).toBe(true);
  });

  test('a peer that does not read is cut when too much waits for it', async () => {
    far.pause();
    const { connection, seen } = open({ backlogBytes: 1_000_000 });
    const value = Buffer.alloc(50_000);
    let most = 0;
    while (connection.open) {
      connection.send({ kind: 'item', id: 1, value });
      most = Math.max(most, connection.backlogBytes);
      await turn();
    }
    expect(most).toBeLessThan(1_100_000);
    await vi.waitFor(() => expect(seen.closed).toHaveLength(1));
    expect(seen.closed[0]).toMatch(/^the peer does not read: \d+ bytes wait for it$/);
    expect(seen.faults).toEqual([true]);
    connection.send({ kind: 'beat', seq: 1 });
    expect(connection.backlogBytes).toBeLessThan(1_100_000);
  });

  test('says when the peer has taken what waited', async () => {
    const { connection, seen } = open();
    connection.allowLargeFrames();
    for (let at = 0; at < 10; at++) connection.send({ kind: 'item', id: 1, value: Buffer.alloc(1_000_000) });
    expect(connection.backlogBytes).toBeGreaterThan(10_000_000);
    far.resume();
    await vi.waitFor(() => expect(seen.drained).toBeGreaterThan(0));
    expect(connection.backlogBytes).toBe(0);
  });
});

describe('receiving', () => {
  test('gives each frame as a batch, however it arrives, and says that bytes came', async () => {
    const { seen } = open();
    const bytes = Buffer.concat([frameOf(encode([heartbeat(1), heartbeat(2)])), frameOf(encode([heartbeat(3)]))]);
    far.setNoDelay(true);
    for (const byte of bytes) far.write(Buffer.from([byte]));
    await vi.waitFor(() => expect(seen.messages).toEqual([heartbeat(1), heartbeat(2), heartbeat(3)]));
    expect(seen.batches).toBe(2);
    expect(seen.heard).toBeGreaterThan(0);
  });

  test('messages of kinds that it does not know are bytes heard and nothing else', async () => {
    const { connection, seen } = open();
    far.write(frameOf(packValue([[9_999, 1]])));
    await vi.waitFor(() => expect(seen.heard).toBe(1));
    expect([seen.batches, connection.open]).toEqual([0, true]);
  });

  test.each<[string, Buffer, RegExp]>([
    ['a wrong checksum', Buffer.from('0000000100000000c0', 'hex'), /checksum/],
    ['a length above the limit', Buffer.from('ffffffff00000000', 'hex'), /a frame of 4294967295 bytes/],
    ['a broken value', frameOf(Buffer.from([0xc1])), /type 0xc1/],
    ['a field out of range', frameOf(packValue([[31, -1]])), /beat.seq: expected integer/],
  ])('%s is refused by name, and the connection ends once', async (_what, bytes, reason) => {
    const frames = farFrames();
    const { connection, seen } = open();
    far.write(Buffer.concat([frameOf(encode([heartbeat(1)])), bytes, frameOf(encode([heartbeat(2)]))]));
    far.on('end', () => far.end());
    await vi.waitFor(() => expect(seen.closed).toHaveLength(1));
    expect(seen.messages).toEqual([heartbeat(1)]);
    expect(seen.closed[0]).toMatch(reason);
    expect(connection.open).toBe(false);
    expect(frames).toEqual([[{ kind: 'refuse', code: 'refused', reason: expect.stringMatching(reason) }]]);
  });

  test('a frame that does not end in time is refused', async () => {
    const { seen } = open({ frameMs: 20 });
    far.on('data', () => {});
    far.on('end', () => far.end());
    far.write(frameOf(encode([heartbeat(1)])).subarray(0, 20));
    await vi.waitFor(() => expect(seen.closed).toEqual(['bad data from the peer: a frame took longer than 20 ms']));
  });

  test('many frames that each end in time are not', async () => {
    const { connection, seen } = open({ frameMs: 100 });
    const frame = frameOf(encode([heartbeat(1)]));
    const began = performance.now();
    far.write(frame.subarray(0, 10));
    while (performance.now() - began < 250) {
      far.write(Buffer.concat([frame.subarray(10), frame.subarray(0, 10)]));
      await turn();
    }
    expect(connection.open).toBe(true);
    expect(seen.messages.length).toBeGreaterThan(2);
  });

  test('while it is held nothing is read, and the time of a frame that waits is not its own', async () => {
    const { connection, seen } = open({ frameMs: 500 });
    const frame = frameOf(encode([heartbeat(1)]));
    far.write(Buffer.concat([frame, frame.subarray(0, 10)]));
    await vi.waitFor(() => expect(seen.messages).toHaveLength(1));
    connection.hold(true);
    far.write(Buffer.concat([frame.subarray(10), frame]));
    await new Promise((resolve) => setTimeout(resolve, 1_000)); // twice what a frame may take
    expect(seen).toMatchObject({ messages: [heartbeat(1)], closed: [] });
    connection.hold(false);
    await vi.waitFor(() => expect(seen.messages).toHaveLength(3));
    expect(connection.open).toBe(true);
  });

  test('a frame that does not end after it was held is cut off as any other', async () => {
    const { connection, seen } = open({ frameMs: 20 });
    far.on('data', () => {});
    far.on('end', () => far.end());
    far.write(frameOf(encode([heartbeat(1)])).subarray(0, 20));
    await vi.waitFor(() => expect(seen.heard).toBe(1));
    connection.hold(true);
    connection.hold(false);
    await vi.waitFor(() => expect(seen.closed).toEqual(['bad data from the peer: a frame took longer than 20 ms']));
    expect(seen.faults).toEqual([true]);
  });

  test('what a callback throws reaches the process, and the connection is cut', async () => {
    const closed: string[] = [];
    openConnection(near, {
      messages() {
        throw new Error('a slip of ours');
      },
      closed: (reason) => closed.push(reason),
    });
    const before = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    try {
      const thrown = once(process, 'uncaughtException');
      far.write(Buffer.concat([frameOf(encode([heartbeat(1)])), frameOf(encode([heartbeat(2)]))]));
      expect(((await thrown)[0] as Error).message).toBe('a slip of ours');
    } finally {
      for (const listener of before) process.on('uncaughtException', listener);
    }
    await vi.waitFor(() => expect(closed).toEqual(['a failure on this side: a slip of ours']));
  });
});

describe('the end', () => {
  test('close says bye after what was sent, and tells the reason once', async () => {
    const frames = farFrames();
    far.on('end', () => far.end());
    const { connection, seen } = open();
    connection.send(heartbeat(1));
    connection.close('enough');
    connection.close('again');
    connection.send(heartbeat(2));
    expect(seen.closed).toEqual([]);
    await vi.waitFor(() => expect(seen.closed).toEqual(['enough']));
    expect(frames).toEqual([[heartbeat(1), { kind: 'bye', reason: 'enough' }]]);
  });

  test('close cuts a peer that does not end its side', async () => {
    far.resume();
    const { connection, seen } = open();
    connection.close('enough');
    await vi.waitFor(() => expect(seen.closed).toEqual(['enough']), { timeout: 3_000 });
  });

  test('destroy loses what waits', async () => {
    const frames = farFrames();
    const { connection, seen } = open();
    connection.send(heartbeat(1));
    connection.destroy('now');
    expect(connection.open).toBe(false);
    await vi.waitFor(() => expect(seen.closed).toEqual(['now']));
    await vi.waitFor(() => expect(far.readableEnded || far.destroyed).toBe(true));
    expect(frames).toEqual([]);
  });

  test.each<[string, () => void, string]>([
    ['ends', () => far.end(), 'connection closed by the peer'],
    ['resets', () => far.resetAndDestroy(), 'connection reset by the peer'],
    [
      'is cut within a frame',
      () => far.end(frameOf(encode([heartbeat(1)])).subarray(0, 30)),
      'connection cut in the middle of a frame',
    ],
    ['is cut within a header', () => far.end(Buffer.alloc(3)), 'connection cut in the middle of a frame'],
    ['says bye', () => far.end(frameOf(encode([{ kind: 'bye', reason: 'tired' }]))), 'the peer closed: tired'],
    [
      'refuses',
      () => far.end(frameOf(encode([{ kind: 'refuse', code: 'refused', reason: 'no' }]))),
      'refused by the peer: no',
    ],
  ])('a peer that %s', async (_what, act, reason) => {
    far.resume();
    const { connection, seen } = open();
    act();
    await vi.waitFor(() => expect(seen.closed).toEqual([reason]));
    expect(connection.open).toBe(false);
    connection.send(heartbeat(1));
    connection.close('late');
    connection.destroy('later');
    await turn();
    expect(seen.closed).toHaveLength(1);
  });

  test('its address is the peer as host and port', () => {
    expect(open().connection.address).toBe(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
});
