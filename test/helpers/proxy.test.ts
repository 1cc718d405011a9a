import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startProxy, type TcpProxy } from './proxy.ts';

let server: Server;
let proxy: TcpProxy;
let client: Socket;
let target: Socket;
/** What arrived at each side. */
let atTarget: Buffer[];
let atClient: Buffer[];

beforeEach(async () => {
  server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  proxy = await startProxy({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  client = connect(proxy.port, proxy.host);
  [target] = (await once(server, 'connection')) as [Socket];
  client.on('error', () => {});
  target.on('error', () => {});
  atTarget = [];
  atClient = [];
  target.on('data', (chunk) => atTarget.push(chunk));
  client.on('data', (chunk) => atClient.push(chunk));
});

afterEach(async () => {
  client.destroy();
  target.destroy();
  await proxy.close();
  server.close();
});

const arrived = (chunks: Buffer[]) => Buffer.concat(chunks).toString();

test('carries bytes both ways, and the end of each', async () => {
  client.end('ping');
  await vi.waitFor(() => expect(arrived(atTarget)).toBe('ping'));
  await vi.waitFor(() => expect(target.readableEnded).toBe(true));
  target.end('pong');
  await vi.waitFor(() => expect(arrived(atClient)).toBe('pong'));
  await vi.waitFor(() => expect(proxy.connections).toBe(0));
  expect(proxy.bytes).toEqual({ toTarget: 4, toClient: 4 });
});

test('carries much, with pauses where the receiver is slow', async () => {
  target.pause();
  const sent = Buffer.alloc(20_000_000, 'lbtop');
  client.write(sent);
  await vi.waitFor(() => expect(proxy.bytes.toTarget).toBeGreaterThan(500_000));
  target.resume();
  await vi.waitFor(() => expect(Buffer.concat(atTarget).equals(sent)).toBe(true), { timeout: 5_000 });
});

test('splits what it carries', async () => {
  proxy.set('toTarget', { pieceBytes: 1 });
  client.write('one byte at a time');
  await vi.waitFor(() => expect(arrived(atTarget)).toBe('one byte at a time'));
  expect(atTarget.length).toBeGreaterThan(5);
});

test('delays and throttles', async () => {
  proxy.set('toTarget', { delayMs: 60 });
  let began = performance.now();
  client.write('late');
  await vi.waitFor(() => expect(arrived(atTarget)).toBe('late'), { interval: 1 });
  expect(performance.now() - began).toBeGreaterThanOrEqual(59);
  proxy.clear();
  proxy.set('toClient', { bytesPerSecond: 10_000 });
  began = performance.now();
  target.write(Buffer.alloc(1_000));
  await vi.waitFor(() => expect(arrived(atClient)).toHaveLength(1_000), { interval: 1 });
  expect(performance.now() - began).toBeGreaterThanOrEqual(80);
});

test('half-open, it swallows bytes and ends and tells nobody', async () => {
  proxy.goHalfOpen();
  client.write('into nothing');
  target.write('and back');
  await vi.waitFor(() => expect(proxy.bytes).toEqual({ toTarget: 12, toClient: 8 }));
  client.destroy();
  await vi.waitFor(() => expect(client.closed).toBe(true));
  expect([atTarget, atClient]).toEqual([[], []]);
  expect([target.readableEnded, target.destroyed]).toEqual([false, false]);
});

test('cuts, resets, and turns away', async () => {
  proxy.cut();
  await Promise.all([once(client, 'close'), once(target, 'end')]);
  const second = connect(proxy.port, proxy.host);
  const [far] = (await once(server, 'connection')) as [Socket];
  const errors = Promise.all([once(second, 'error'), once(far, 'error')]);
  proxy.reset();
  expect((await errors).map(([error]) => (error as NodeJS.ErrnoException).code)).toEqual(['ECONNRESET', 'ECONNRESET']);
  proxy.accepting = false;
  const third = connect(proxy.port, proxy.host).on('error', () => {});
  third.resume();
  await once(third, 'close');
  expect(proxy.connections).toBe(0);
});
