import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { LbtopError } from '../../source/model/errors.ts';
import { wrongKeyWaits } from '../../source/model/limits.ts';
import { encode } from '../../source/wire/codec.ts';
import { type Connection, openConnection } from '../../source/wire/connection.ts';
import { type ConnectOptions, connect, type Listener, type ListenOptions, listen } from '../../source/wire/endpoint.ts';
import { frameHeaderBytes, frameOf } from '../../source/wire/frame.ts';
import { commonVersion } from '../../source/wire/greeting.ts';
import { introduce } from '../../source/wire/introduction.ts';
import { roleKey } from '../../source/wire/keys.ts';
import { type Message, type MessageOf, roles } from '../../source/wire/messages.ts';
import { heartbeat } from './sample-messages.ts';

const secret = Buffer.alloc(32, 1);
const open: { close(): unknown }[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((one) => one.close()));
});

/** A listener that answers heartbeats and records everything. */
async function startListener(options: Partial<ListenOptions> = {}) {
  const seen = {
    hellos: [] as MessageOf<'hello'>[],
    peers: [] as Connection[],
    closed: [] as string[],
    rejected: [] as string[],
    who: [] as string[],
  };
  const listener: Listener = await listen({
    host: '127.0.0.1',
    port: 0,
    secret,
    version: '9.9.9',
    peer(connection, hello) {
      seen.hellos.push(hello);
      seen.peers.push(connection);
      return {
        messages(batch) {
          for (const one of batch) if (one.kind === 'heartbeat') connection.send({ kind: 'beat', seq: one.seq });
        },
        closed: (reason) => seen.closed.push(reason),
      };
    },
    rejected(address, reason) {
      seen.who.push(address);
      seen.rejected.push(reason);
    },
    ...options,
  });
  open.push(listener);
  return { listener, seen };
}

function dial(port: number, options: Partial<ConnectOptions> = {}) {
  const seen = { messages: [] as Message[], closed: [] as string[] };
  const connection = connect({
    host: '127.0.0.1',
    port,
    secret,
    role: 'node',
    who: 'test',
    version: '1.2.3',
    timeoutMs: 5_000,
    events: { messages: (batch) => seen.messages.push(...batch), closed: (reason) => seen.closed.push(reason) },
    ...options,
  });
  connection.then(
    (one) => open.push({ close: () => one.destroy('end of test') }),
    () => {},
  );
  return { connection, seen };
}

async function failure(promise: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error = await promise.then(
    () => expect.unreachable('it should have failed'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LbtopError);
  const { code, message } = error as LbtopError;
  expect(message).not.toContain('\n');
  return { code, message };
}

/** It still lets in whoever belongs here. */
async function expectAlive(port: number, options?: Partial<ConnectOptions>) {
  const { connection, seen } = dial(port, options);
  (await connection).send(heartbeat(5));
  await vi.waitFor(() => expect(seen.messages).toEqual([{ kind: 'beat', seq: 5 }]));
}

/** Says these bytes to the port and waits for the end of the connection. */
async function shout(port: number, bytes: string | Buffer): Promise<Buffer> {
  const heard: Buffer[] = [];
  const socket = connectTcp(port, '127.0.0.1');
  socket.on('data', (chunk) => heard.push(chunk)).on('error', () => {});
  socket.write(bytes);
  await new Promise((resolve) => socket.on('close', resolve));
  return Buffer.concat(heard);
}

/** Goes through the handshake and says nothing more. */
async function greeting(port: number): Promise<tls.TLSSocket> {
  const socket = tls.connect({
    port,
    ciphers: 'TLS_AES_128_GCM_SHA256',
    pskCallback: () => ({ psk: roleKey(secret, 'node'), identity: 'node' }),
  });
  socket.on('error', () => {});
  await new Promise((resolve) => socket.on('secureConnect', resolve));
  return socket;
}

describe('with a secret', () => {
  test.each(roles)('a %s who holds it is let in, and both can speak', async (role) => {
    const { listener, seen } = await startListener();
    await expectAlive(listener.port, { role });
    expect(seen.hellos).toEqual([
      { kind: 'hello', protocol: 'lbtop', min: 1, max: 1, role, who: 'test', version: '1.2.3' },
    ]);
  });

  test('large frames pass after the welcome, in both directions', async () => {
    const { listener, seen } = await startListener();
    const { connection, seen: heard } = dial(listener.port);
    await connection;
    seen.peers[0]?.send({ kind: 'item', id: 1, value: 'x'.repeat(3_000_000) });
    await vi.waitFor(() => expect(heard.messages).toHaveLength(1));
    (await connection).send({ kind: 'item', id: 1, value: 'x'.repeat(3_000_000) });
    (await connection).send(heartbeat(1));
    await vi.waitFor(() => expect(heard.messages).toHaveLength(2));
  });

  test('another secret is refused before a frame is read', async () => {
    const { listener, seen } = await startListener();
    const error = await failure(dial(listener.port, { secret: Buffer.alloc(32, 2) }).connection);
    expect(error.code).toBe('refused');
    expect(error.message).toMatch(/does not know this secret.*--secret-file/);
    await vi.waitFor(() =>
      expect(seen.rejected).toEqual([expect.stringContaining('no handshake with our secret: binder does not verify')]),
    );
    expect(seen.hellos).toEqual([]);
    await expectAlive(listener.port);
  });

  test('the key of one role does not open another', async () => {
    const { listener, seen } = await startListener();
    const socket = tls.connect({
      port: listener.port,
      ciphers: 'TLS_AES_128_GCM_SHA256',
      pskCallback: () => ({ psk: roleKey(secret, 'viewer'), identity: 'viewer' }),
      checkServerIdentity: () => undefined,
    });
    await new Promise((resolve) => socket.on('secureConnect', resolve));
    const events = { messages() {}, closed() {} };
    const error = await failure(introduce(socket, 'there', { role: 'operator', who: 'x', version: '1', events }));
    expect(error).toEqual({ code: 'refused', message: 'there refused: said to be operator with the key of viewer' });
    const wrongKey = tls.connect({
      port: listener.port,
      ciphers: 'TLS_AES_128_GCM_SHA256',
      pskCallback: () => ({ psk: roleKey(secret, 'viewer'), identity: 'operator' }),
    });
    await new Promise((resolve) => wrongKey.on('error', resolve));
    expect(seen.hellos).toEqual([]);
  });

  test('an identity that is no role, or no key at all, is refused', async () => {
    const { listener, seen } = await startListener();
    for (const pskCallback of [() => ({ psk: secret, identity: 'root' }), undefined]) {
      const socket = tls.connect({ port: listener.port, ...(pskCallback && { pskCallback }) });
      await new Promise((resolve) => socket.on('error', resolve));
    }
    await vi.waitFor(() => expect(seen.rejected).toHaveLength(2));
    await expectAlive(listener.port);
  });

  test('a role that the coordinator does not admit is told why', async () => {
    const { listener } = await startListener({
      admit: (hello) => (hello.role === 'operator' ? 'operators come on Mondays' : null),
    });
    const error = await failure(dial(listener.port, { role: 'operator' }).connection);
    expect(error).toEqual({
      code: 'refused',
      message: `127.0.0.1:${listener.port} refused: operators come on Mondays`,
    });
    await expectAlive(listener.port);
  });

  test.each<[string, string | Buffer]>([
    ['an HTTP request', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['garbage', Buffer.alloc(300, 0xa7)],
    ['a plain frame', Buffer.from('0000000100000000c0', 'hex')],
  ])('%s is turned away with a reason', async (_what, bytes) => {
    const { listener, seen } = await startListener();
    await shout(listener.port, bytes);
    await vi.waitFor(() => expect(seen.rejected).toEqual([expect.stringContaining('no handshake with our secret')]));
    await expectAlive(listener.port);
  });

  test.each([1, 2, 7, 100])('a handshake that comes %i bytes at a time is a handshake', async (size) => {
    const { listener, seen } = await startListener();
    const far = connectTcp(listener.port, '127.0.0.1').setNoDelay(true);
    const proxy = createServer((near) => {
      near.setNoDelay(true).on('error', () => {});
      far.on('error', () => {}).pipe(near);
      let last = Promise.resolve();
      near.on('data', (bytes) => {
        for (let at = 0; at < bytes.length; at += size) {
          const piece = bytes.subarray(at, at + size);
          last = last.then(() => new Promise<void>((resolve) => far.write(piece, () => setImmediate(resolve))));
        }
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => proxy.close() }, { close: () => far.destroy() });
    await expectAlive((proxy.address() as AddressInfo).port);
    expect(seen.hellos).toHaveLength(1);
  });

  test('a client without a secret learns that one may be needed', async () => {
    const { listener } = await startListener();
    const error = await failure(dial(listener.port, { secret: null }).connection);
    expect(error.code).toBe('unreachable');
    expect(error.message).toContain('expects a secret');
    await expectAlive(listener.port);
  });
});

describe('without a secret', () => {
  test('a client that has one learns that there is no protection', async () => {
    const { listener } = await startListener({ secret: null });
    const error = await failure(dial(listener.port).connection);
    expect(error.code).toBe('unreachable');
    expect(error.message).toContain('runs without protection');
    await expectAlive(listener.port, { secret: null });
  });

  test.each<[string, string | Buffer]>([
    ['an HTTP request', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['garbage', Buffer.alloc(300, 0xa7)],
    ['a frame above 64 KiB', Buffer.from('0001000100000000', 'hex')],
  ])('%s is refused', async (_what, bytes) => {
    const { listener, seen } = await startListener({ secret: null });
    expect((await shout(listener.port, bytes)).length).toBeGreaterThan(frameHeaderBytes);
    await vi.waitFor(() =>
      expect(seen.rejected).toEqual([expect.stringContaining('bad data from the peer: a frame of')]),
    );
    await expectAlive(listener.port, { secret: null });
  });
});

describe('strangers', () => {
  test.each([secret, null])('who say nothing are closed in time', async (key) => {
    const { listener, seen } = await startListener({ secret: key, helloMs: 50 });
    await shout(listener.port, '');
    expect(seen.rejected).toEqual(['no hello within 50 ms']);
    await expectAlive(listener.port, { secret: key });
  });

  test('who have the key and then say nothing are closed too', async () => {
    const { listener, seen } = await startListener({ helloMs: 300 });
    await greeting(listener.port);
    await vi.waitFor(() => expect(seen.rejected).toEqual(['no hello within 300 ms']));
  });

  test('the welcome ends that time', async () => {
    const { listener, seen } = await startListener({ helloMs: 150 });
    const { connection } = dial(listener.port);
    await connection;
    await shout(listener.port, ''); // a stranger who came later has gone by now
    expect(seen.rejected).toEqual(['no hello within 150 ms']);
    expect((await connection).open).toBe(true);
  });

  test.each([secret, null])('above the limit push out the oldest of them, and nobody who is welcome', async (key) => {
    const { listener, seen } = await startListener({ secret: key, unauthenticatedPeers: 5 });
    const { connection } = dial(listener.port, { secret: key });
    await connection;
    const sockets: Socket[] = [];
    for (let count = 0; count < 12; count++) {
      const socket = connectTcp(listener.port, '127.0.0.1').on('error', () => {});
      await new Promise((resolve) => socket.on('connect', resolve));
      sockets.push(socket);
    }
    await vi.waitFor(() => expect(seen.rejected).toHaveLength(7));
    expect(new Set(seen.rejected)).toEqual(new Set(['more than 5 peers without welcome']));
    await vi.waitFor(() => expect(sockets.map((socket) => socket.destroyed)).toEqual(sockets.map((_, at) => at < 7)));
    expect((await connection).open).toBe(true);
    await expectAlive(listener.port, { secret: key });
    for (const socket of sockets) socket.destroy();
  });

  test('who showed wrong secrets waits longer each time, until somebody from there is let in', async () => {
    const { listener, seen } = await startListener();
    const waits: number[] = [];
    async function tryWrong(): Promise<void> {
      const began = performance.now();
      await failure(dial(listener.port, { secret: Buffer.alloc(32, 2) }).connection);
      waits.push(performance.now() - began);
    }
    for (let count = 0; count < wrongKeyWaits.free + 4; count++) await tryWrong();
    const waited = waits.slice(wrongKeyWaits.free);
    for (const [doubled, ms] of waited.entries())
      expect(ms).toBeGreaterThanOrEqual(wrongKeyWaits.firstMs * 2 ** doubled - 2); // timers count in whole ms
    const began = performance.now();
    await expectAlive(listener.port);
    expect(performance.now() - began).toBeGreaterThanOrEqual(wrongKeyWaits.firstMs * 2 ** waited.length - 2);
    waits.length = 0;
    await tryWrong();
    expect(waits[0]).toBeLessThan(wrongKeyWaits.firstMs * 2 ** waited.length);
    expect(seen.hellos).toHaveLength(1);
  });

  test('who has begun to speak stays, whoever comes and says little', async () => {
    const { listener, seen } = await startListener({ unauthenticatedPeers: 2 });
    const begun = await greeting(listener.port);
    const quiet: Socket[] = [];
    for (let count = 0; count < 8; count++) {
      const socket = connectTcp(listener.port, '127.0.0.1').on('error', () => {});
      await new Promise((resolve) => socket.on('connect', resolve));
      socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1])); // of a record of 512 bytes
      quiet.push(socket);
    }
    await vi.waitFor(() => expect(seen.rejected).toEqual(Array(7).fill('more than 2 peers without welcome')));
    expect(begun.destroyed).toBe(false);
    for (const socket of [begun, ...quiet]) socket.destroy();
  });

  test('of those that wait for their wrong secrets the oldest goes before any other', async () => {
    const { listener, seen } = await startListener({ unauthenticatedPeers: 2 });
    const quiet = await greeting(listener.port);
    // Another address of this machine, so that the first one has done nothing wrong.
    const from = { port: listener.port, host: '127.0.0.1', localAddress: '127.0.0.2' };
    for (let count = 0; count < wrongKeyWaits.free + 3; count++) {
      const socket = connectTcp(from).on('error', () => {});
      socket.write(Buffer.alloc(300, 0xa7));
      await new Promise((resolve) => socket.on('close', resolve));
    }
    const suspects = Array.from({ length: 3 }, () => connectTcp(from).on('error', () => {}));
    await vi.waitFor(() => expect(seen.rejected.at(-1)).toBe('more than 2 peers without welcome'));
    expect(quiet.destroyed).toBe(false);
    for (const socket of [quiet, ...suspects]) socket.destroy();
  });

  test('a flood of them is told in few lines', async () => {
    const { listener, seen } = await startListener();
    for (let count = 0; count < 50; count++) {
      const socket = connectTcp(listener.port, '127.0.0.1').on('error', () => {});
      await new Promise((resolve) => socket.on('connect', resolve));
      socket.destroy();
    }
    const counted = () =>
      seen.rejected.reduce(
        (sum, line, at) => sum + (line.startsWith('for') ? Number(seen.who[at]?.split(' ')[0]) : 1),
        0,
      );
    await vi.waitFor(() => expect(counted()).toBe(50), { timeout: 5_000 });
    expect(seen.rejected.length).toBeLessThan(50);
  });

  test('something before the hello is refused', async () => {
    const { listener } = await startListener({ secret: null });
    const socket = connectTcp(listener.port, '127.0.0.1');
    const closed = new Promise((resolve) =>
      openConnection(socket, { messages() {}, closed: resolve }).send(heartbeat(1)),
    );
    expect(await closed).toBe('refused by the peer: expected hello, alone, first');
  });
});

describe('versions', () => {
  const ranges = [1, 2, 3].flatMap((min) => [1, 2, 3].filter((max) => max >= min).map((max) => ({ min, max })));
  const pairs = ranges.flatMap((ours) => ranges.map((theirs) => ({ ours, theirs })));

  test('every pair of ranges speaks the highest common version, or says in one line why not', async () => {
    const listeners = await Promise.all(ranges.map((versions) => startListener({ secret: null, versions })));
    for (const { ours, theirs } of pairs) {
      const port = listeners[ranges.indexOf(ours)]?.listener.port ?? 0;
      const common =
        [3, 2, 1].find((one) => one >= ours.min && one <= ours.max && one >= theirs.min && one <= theirs.max) ?? null;
      expect(commonVersion(ours, theirs)).toBe(common);
      const { connection } = dial(port, { secret: null, versions: theirs });
      if (common !== null) await connection;
      else {
        const { code, message } = await failure(connection);
        expect(code).toBe('refused');
        expect(message).toMatch(theirs.min > ours.max ? /update the coordinator$/ : /update the \w+'s lbtop 1\.2\.3$/);
        expect(message).toContain(`protocol ${ours.min}`);
        expect(message).toMatch(new RegExp(`, the \\w+ ${theirs.min}`));
      }
    }
  });
});

describe('what is not there', () => {
  /** A server that is no coordinator. */
  async function startOther(server: Server): Promise<number> {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push({ close: () => server.close() });
    return (server.address() as AddressInfo).port;
  }

  test.each([secret, null])('nobody listens', async (key) => {
    const port = await startOther(createServer());
    await Promise.all(open.splice(0).map((one) => one.close()));
    const { code, message } = await failure(dial(port, { secret: key }).connection);
    expect(code).toBe('unreachable');
    expect(message).toBe(
      `no coordinator at 127.0.0.1:${port} (connection refused): start one with lbtop --coordinator`,
    );
  });

  test.each([secret, null])('a web server', async (key) => {
    const port = await startOther(
      createServer((socket) => socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    );
    const { code, message } = await failure(dial(port, { secret: key }).connection);
    expect(code).toBe('unreachable');
    expect(message).toContain('is not an lbtop coordinator');
  });

  test.each([secret, null])('a server that closes at once', async (key) => {
    const port = await startOther(createServer((socket) => socket.destroy()));
    const { code, message } = await failure(dial(port, { secret: key }).connection);
    expect(code).toBe('unreachable');
    expect(message).toContain('closed the connection without a word');
  });

  test.each([secret, null])('a server that says nothing', async (key) => {
    const port = await startOther(createServer((socket) => open.push({ close: () => socket.destroy() })));
    const { code, message } = await failure(dial(port, { secret: key, timeoutMs: 100 }).connection);
    expect(code).toBe('unreachable');
    expect(message).toContain('within 100 ms');
  });

  test('a server with a certificate, be it trusted, does not pass for the coordinator', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'lbtop-'));
    open.push({ close: () => rmSync(directory, { recursive: true }) });
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-days', '2', '-keyout', key, '-out', cert];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', ...subject],
      { stdio: 'ignore' },
    );
    const impostor = tls.createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (socket) => {
      socket
        .on('error', () => {})
        .write(frameOf(encode([{ kind: 'welcome', protocol: 1, version: '1', at: 0, data: '' }])));
    });
    const port = await startOther(impostor);
    const trusted = tls.getCACertificates('default');
    tls.setDefaultCACertificates([readFileSync(cert, 'utf8')]);
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    try {
      const { code, message } = await failure(dial(port).connection);
      expect(code).toBe('unreachable');
      expect(message).toContain('is not an lbtop coordinator');
    } finally {
      vi.unstubAllEnvs();
      tls.setDefaultCACertificates(trusted);
    }
  });

  test('a host without an address, and a port that cannot be', async () => {
    const unknown = await failure(dial(1, { host: 'nowhere.invalid' }).connection);
    expect(unknown).toEqual({ code: 'unreachable', message: 'cannot find the host nowhere.invalid: check --connect' });
    expect((await failure(dial(99_999).connection)).code).toBe('usage');
  });

  test('an attempt can be given up', async () => {
    const port = await startOther(createServer((socket) => open.push({ close: () => socket.destroy() })));
    const controller = new AbortController();
    const { connection } = dial(port, { signal: controller.signal });
    controller.abort(new Error('changed my mind'));
    await expect(connection).rejects.toThrow('changed my mind');
    await expect(dial(port, { signal: controller.signal }).connection).rejects.toThrow('changed my mind');
  });
});

describe('listening', () => {
  test('on a port in use says what to do', async () => {
    const { listener } = await startListener();
    expect(await failure(startListener({ port: listener.port }))).toEqual({
      code: 'usage',
      message: `port ${listener.port} on 127.0.0.1 is in use: choose another with --port or stop the other program`,
    });
  });

  test('on what is not ours, or no port', async () => {
    expect((await failure(startListener({ host: '192.0.2.1' }))).message).toContain('not an address of this machine');
    expect((await failure(startListener({ host: 'nowhere.invalid' }))).message).toContain('cannot find the host');
    expect((await failure(startListener({ port: 70_000 }))).message).toContain('not a port');
  });

  test.each([secret, null])('ends with a bye for everyone', async (key) => {
    const { listener, seen } = await startListener({ secret: key });
    const { connection, seen: heard } = dial(listener.port, { secret: key });
    await connection;
    connectTcp(listener.port, '127.0.0.1').on('error', () => {});
    await listener.close();
    open.splice(0);
    await vi.waitFor(() => expect(heard.closed).toEqual(['the peer closed: the coordinator stops']));
    expect(seen.closed).toEqual(['the coordinator stops']);
    expect((await failure(dial(listener.port, { secret: key }).connection)).code).toBe('unreachable');
  });

  test('what a peer says in one turn with its welcome comes after the promise', async () => {
    const { listener } = await startListener({
      secret: null,
      peer(connection) {
        connection.send(heartbeat(1));
        return { messages() {}, closed() {} };
      },
    });
    const order: string[] = [];
    const { connection } = dial(listener.port, {
      secret: null,
      events: { messages: (batch) => order.push(...batch.map((one) => one.kind)), closed() {} },
    });
    await connection;
    order.push('connected');
    await vi.waitFor(() => expect(order).toEqual(['connected', 'heartbeat']));
  });
});
