/**
 * A TCP proxy on the loopback that breaks connections in the ways that networks do: slow, throttled, cut, reset, split
 * at any byte, or half-open (bytes vanish and neither side is told). What is set holds for the connections that are open
 * and for those to come.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

/** What happens to the bytes of one direction. */
export interface Weather {
  /** Each byte arrives so much later. */
  delayMs: number;
  bytesPerSecond: number;
  /** Largest piece that is written at once; 1 delivers byte for byte. */
  pieceBytes: number;
  /** Bytes vanish, and so do the ends of connections: what a dead machine or a dropped route looks like. */
  swallow: boolean;
}

const fair: Weather = { delayMs: 0, bytesPerSecond: Infinity, pieceBytes: Infinity, swallow: false };

export interface TcpProxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Open connections. */
  readonly connections: number;
  /** Bytes that came from either side, those swallowed included. */
  readonly bytes: { toTarget: number; toClient: number };
  /** Changes one direction, or both. */
  set(direction: 'toTarget' | 'toClient' | 'both', weather: Partial<Weather>): void;
  /** Bytes vanish in both directions from now on. */
  goHalfOpen(): void;
  /** All is fair again; bytes that vanished stay lost. */
  clear(): void;
  /** Cuts all connections as a process does that ends: the sides see the end of the stream. */
  cut(): void;
  /** Cuts all connections so that both sides see a reset. */
  reset(): void;
  /** While false, new connections are cut at once. */
  accepting: boolean;
  close(): Promise<void>;
}

/** Starts a proxy to `target` on a free port. */
export async function startProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const weather = { toTarget: { ...fair }, toClient: { ...fair } };
  const bytes = { toTarget: 0, toClient: 0 };
  const pairs = new Set<readonly [Socket, Socket]>();
  let accepting = true;

  const server = createServer({ allowHalfOpen: true }, (client) => {
    client.on('error', () => {});
    if (!accepting) {
      client.destroy();
      return;
    }
    const upstream = connect({ ...target, allowHalfOpen: true, noDelay: true });
    client.setNoDelay(true);
    upstream.on('error', () => {});
    const pair = [client, upstream] as const;
    pairs.add(pair);
    const drop = (other: Socket, toOther: Weather) => () => {
      if (client.destroyed && upstream.destroyed) pairs.delete(pair);
      if (!toOther.swallow) other.destroy();
    };
    client.on('close', drop(upstream, weather.toTarget));
    upstream.on('close', drop(client, weather.toClient));
    void forward(client, upstream, weather.toTarget, (count) => (bytes.toTarget += count));
    void forward(upstream, client, weather.toClient, (count) => (bytes.toClient += count));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  function all(act: (socket: Socket) => void): void {
    for (const pair of pairs) pair.forEach(act);
    pairs.clear();
  }

  function set(direction: 'toTarget' | 'toClient' | 'both', change: Partial<Weather>): void {
    if (direction !== 'toClient') Object.assign(weather.toTarget, change);
    if (direction !== 'toTarget') Object.assign(weather.toClient, change);
  }

  async function close(): Promise<void> {
    all((socket) => socket.destroy());
    server.close();
    await once(server, 'close');
  }

  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    get connections() {
      return pairs.size;
    },
    bytes,
    set,
    goHalfOpen: () => set('both', { swallow: true }),
    clear: () => set('both', fair),
    cut: () => all((socket) => socket.destroy()),
    reset: () => all((socket) => socket.resetAndDestroy()),
    get accepting() {
      return accepting;
    },
    set accepting(on) {
      accepting = on;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Carries one direction until its end. Reads `weather` for each piece, so that changes take effect at once. */
async function forward(from: Socket, to: Socket, weather: Weather, count: (bytes: number) => void): Promise<void> {
  /** Read and not yet written; `due` is when the delay has passed. */
  const waiting: { chunk: Buffer; due: number }[] = [];
  let ended = false;
  let wake = (): void => {};
  from.on('data', (chunk: Buffer) => {
    count(chunk.length);
    if (weather.swallow) return;
    waiting.push({ chunk, due: performance.now() + weather.delayMs });
    if (waiting.length > 64) from.pause();
    wake();
  });
  from.on('end', () => {
    ended = true;
    wake();
  });
  from.on('close', () => wake());

  while (!from.destroyed || waiting.length > 0) {
    const next = waiting.shift();
    if (next === undefined) {
      if (ended) break;
      from.resume();
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (from.destroyed || ended || waiting.length > 0) resolve();
      });
      continue;
    }
    const early = next.due - performance.now();
    if (early > 0) await sleep(early);
    for (let at = 0; at < next.chunk.length && !weather.swallow && !to.destroyed; ) {
      const piece = next.chunk.subarray(at, at + largestPiece(weather));
      at += piece.length;
      if (!to.write(piece)) await Promise.race([once(to, 'drain'), once(to, 'close')]).catch(() => {});
      if (weather.bytesPerSecond < Infinity) await sleep((piece.length / weather.bytesPerSecond) * 1_000);
      else if (weather.pieceBytes < Infinity) await nextTurn(); // else the kernel might put pieces together
    }
  }
  if (ended && !weather.swallow && !to.destroyed) to.end();
}

/** Throttled bytes come evenly: what one hundredth of a second may carry. */
function largestPiece({ pieceBytes, bytesPerSecond }: Weather): number {
  return Math.max(1, Math.min(pieceBytes, Math.ceil(bytesPerSecond / 100)));
}
