/** Recorded first frames of other versions, and of what is no lbtop at all: each is let in, or told in one line on both sides. */
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { LbtopError } from '../../source/model/errors.ts';
import { decode, encode } from '../../source/wire/codec.ts';
import { connect, listen } from '../../source/wire/endpoint.ts';
import { frameOf, frameReader } from '../../source/wire/frame.ts';
import type { Message } from '../../source/wire/messages.ts';

/** Bytes as they were on the wire, and what a coordinator that speaks `protocol 1` answers. */
const hellos: [what: string, hex: string, answer: 'welcome' | RegExp][] = [
  ['this version', '00000023fa06e7f3919701a56c62746f700101a86f70657261746f72a8616e61406465736ba5302e312e30', 'welcome'],
  [
    'the one before, alone',
    '00000023b890d16a919701a56c62746f700000a86f70657261746f72a8616e61406465736ba5302e312e30',
    /speaks protocol 1, the operator 0: update the operator's lbtop 0\.1\.0$/,
  ],
  [
    'the one before and this one',
    '000000231d1b4164919701a56c62746f700001a86f70657261746f72a8616e61406465736ba5302e312e30',
    'welcome',
  ],
  [
    'the next, alone',
    '000000233dbcbc58919701a56c62746f700202a86f70657261746f72a8616e61406465736ba5302e312e30',
    /speaks protocol 1, the operator 2: update the coordinator$/,
  ],
  [
    'this one and the next',
    '00000023cfeb51a0919701a56c62746f700102a86f70657261746f72a8616e61406465736ba5302e312e30',
    'welcome',
  ],
  [
    'far from now',
    '00000025aedea370919701a56c62746f7028cdffffa86f70657261746f72a8616e61406465736ba5302e312e30',
    /speaks protocol 1, the operator 40 to 65535: update the coordinator$/,
  ],
  [
    'fields that came later',
    '000000303e7ecbde919901a56c62746f700102a86f70657261746f72a8616e61406465736ba5302e312e3081a766656174757265c3920102',
    'welcome',
  ],
  [
    'a field missing',
    '0000001d70ce9d19919601a56c62746f700101a86f70657261746f72a8616e61406465736b',
    /hello\.version: is missing/,
  ],
  [
    'versions the wrong way round',
    '00000023ef4cac9c919701a56c62746f700301a86f70657261746f72a8616e61406465736ba5302e312e30',
    /speaks protocol 1/,
  ],
  [
    'a version that is none',
    '0000002bee0949e5919701a56c62746f70ffcb3ff8000000000000a86f70657261746f72a8616e61406465736ba5302e312e30',
    /hello\.min: expected integer/,
  ],
  [
    'another protocol',
    '00000021d6a6fb0d919701a3746f700101a86f70657261746f72a8616e61406465736ba5302e312e30',
    /expected the protocol lbtop, got top/,
  ],
  [
    'a role that is not known',
    '00000022a5707697919701a56c62746f700101a761756469746f72a8616e61406465736ba5392e302e30',
    /hello\.role: expected/,
  ],
  [
    'a request behind it',
    '0000002ee6f9ae32929701a56c62746f700101a86f70657261746f72a8616e61406465736ba5302e312e30943201a673746174757390',
    /expected hello, alone, first/,
  ],
  ['a request alone', '0000000c5925dd1a91943201a673746174757390', /expected hello, alone, first/],
  ['a map', '0000000da6f5354e9181a46b696e64a568656c6c6f', /expected an array that begins with a code/],
  ['no message', '00000001220d7cc990', /expected an array of 1 to/],
  ['a frame of 4 GiB', 'ffffffff00000000', /a frame of 4294967295 bytes/],
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n').toString('hex'), /a frame of/],
  ['an HTTP/2 preface', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n').toString('hex'), /a frame of/],
  ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.9\r\n').toString('hex'), /a frame of/],
  ['TLS', '1603010200010001fc0303', /a frame of/],
];

/** Says bytes; returns the messages that are answered, until one of both sides ends it. */
function say(port: number, bytes: Buffer): Promise<Message[]> {
  return new Promise((resolve) => {
    const heard: Message[] = [];
    const reader = frameReader(65_536);
    const socket = connectTcp(port, '127.0.0.1').on('error', () => {});
    socket.on('data', (chunk) =>
      reader.push(chunk, (payload) => {
        heard.push(...decode(payload));
        socket.end();
      }),
    );
    socket.on('close', () => resolve(heard));
    socket.write(bytes);
  });
}

describe('a coordinator hears', () => {
  test.each(hellos)('%s', async (_what, hex, answer) => {
    const rejected: string[] = [];
    let welcome = 0;
    const listener = await listen({
      ...{ host: '127.0.0.1', port: 0, secret: null, version: '9.9.9' },
      peer() {
        welcome += 1;
        return { messages() {}, closed() {} };
      },
      rejected: (_address, reason) => rejected.push(reason),
    });
    try {
      const [first, ...more] = await say(listener.port, Buffer.from(hex, 'hex'));
      expect(more).toEqual([]);
      if (answer === 'welcome') {
        expect(first).toMatchObject({ kind: 'welcome', protocol: 1, version: '9.9.9' });
        expect({ welcome, rejected }).toEqual({ welcome: 1, rejected: [] });
        return;
      }
      expect(first).toMatchObject({ kind: 'refuse', code: 'refused', reason: expect.stringMatching(answer) });
      await vi.waitFor(() => expect(rejected).toHaveLength(1));
      for (const line of [rejected[0], first?.kind === 'refuse' ? first.reason : '']) {
        expect(line).toMatch(answer);
        expect(line).not.toContain('\n');
      }
      expect(welcome).toBe(0);
    } finally {
      await listener.close();
    }
  });
});

/** What stands at the port, and what a client says of it. */
const answers: [what: string, bytes: Buffer, says: RegExp][] = [
  ['an HTTP answer', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), /is not an lbtop coordinator/],
  ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.9\r\n'), /is not an lbtop coordinator/],
  ['a frame with another message', frameOf(encode([{ kind: 'beat', seq: 1 }])), /is not an lbtop coordinator/],
  [
    'a refusal of a version',
    frameOf(
      encode([{ kind: 'refuse', code: 'refused', reason: 'the coordinator speaks protocol 7: update lbtop here' }]),
    ),
    /refused: the coordinator speaks protocol 7: update lbtop here$/,
  ],
  [
    'a welcome to a version that was not offered',
    frameOf(encode([{ kind: 'welcome', protocol: 7, version: '7.0.0', at: 0, data: '' }])),
    /speaks protocol 7, and this side 1: update lbtop here$/,
  ],
  ['noise', Buffer.alloc(64, 0xa7), /is not an lbtop coordinator/],
  ['nothing', Buffer.alloc(0), /closed the connection without a word/],
];

test.each(answers)('a client hears %s', async (_what, bytes, says) => {
  const server = createServer((socket: Socket) => socket.on('error', () => {}).end(bytes));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  try {
    const events = { messages() {}, closed() {} };
    const dial = connect({
      ...{
        host: '127.0.0.1',
        port,
        secret: null,
        role: 'operator',
        who: 'x',
        version: '0.1.0',
        timeoutMs: 5_000,
        events,
      },
    });
    const error = await dial.then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(LbtopError);
    expect((error as LbtopError).message).toMatch(says);
    expect((error as LbtopError).message).not.toContain('\n');
  } finally {
    server.close();
  }
});
