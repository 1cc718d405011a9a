/**
 * Where connections begin: a listener and a dialler, with or without protection. The only file that knows TLS.
 *
 * Protected means TLS 1.3 with a pre-shared key, no certificates: the identity is the role, its key is derived from the
 * coordinator's secret, and both sides prove that they hold it before a frame is read. A holder of one role's key
 * alone cannot take another role.
 */
import { hkdfSync } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net';
import tls from 'node:tls';
import { oneLine } from '../model/errors.ts';
import { addressOf, type Connection } from './connection.ts';
import { afterFirstRecord } from './first-record.ts';
import { type IntroductionOptions, introduce } from './introduction.ts';
import { type Role, roles } from './messages.ts';
import { certificateOffered, connectError, hostPort, listenError, timeoutError, tlsReason } from './reach.ts';
import { type Reception, type ReceptionOptions, reception } from './reception.ts';

const tlsOptions = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256', // a key of this kind needs a suite with SHA-256
  ecdhCurve: 'X25519',
} as const;

/** Returns the 32 bytes that prove a role, for whoever holds the coordinator's secret. */
export function roleKey(secret: Buffer, role: Role): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, 'lbtop', `psk:${role}`, 32));
}

export interface ListenOptions extends ReceptionOptions {
  host: string;
  /** 0: any that is free. */
  port: number;
  /** Null: neither encrypted nor authenticated. */
  secret: Buffer | null;
}

export interface Listener {
  /** As given. */
  readonly host: string;
  /** The real one. */
  readonly port: number;
  /** Says `bye` to all peers and stops; resolves when the last connection is closed, after about a second at most. */
  close(): Promise<void>;
}

/** Listens for nodes and clients. Rejects with LbtopError (usage) if the address cannot be had. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { host, port, secret } = options;
  const desk = reception(options);
  const begin = secret === null ? (socket: Socket) => desk.ready(socket, null) : protection(secret, desk);
  const server = createTcpServer((socket) => desk.arrived(socket, () => begin(socket)));
  try {
    server.listen({ host, port });
    await once(server, 'listening');
  } catch (error) {
    throw listenError(error, host, port);
  }
  // Out of file descriptors, most likely: what is open goes on, and so does the listener.
  server.on('error', (error) => options.rejected?.('unknown', `cannot accept a connection: ${oneLine(error)}`));
  const bound = server.address();

  return {
    host,
    port: typeof bound === 'object' && bound !== null ? bound.port : port,
    async close() {
      const released = new Promise((resolve) => server.close(resolve));
      await Promise.all([released, desk.close('the coordinator stops')]);
    },
  };
}

/** Returns what begins the handshake on an accepted socket; the desk hears how it ended. */
function protection(secret: Buffer, desk: Reception): (socket: Socket) => void {
  const keys = new Map<string, { role: Role; key: Buffer }>(
    roles.map((role) => [role, { role, key: roleKey(secret, role) }]),
  );
  const claimed = new WeakMap<tls.TLSSocket, Role>();
  const server = tls.createServer({
    ...tlsOptions,
    pskCallback(socket, identity) {
      const known = keys.get(identity);
      if (known === undefined) return null;
      claimed.set(socket, known.role); // proven once the handshake is done
      return known.key;
    },
  });
  server.on('secureConnection', (socket) => {
    const role = claimed.get(socket);
    if (role === undefined)
      socket.destroy(); // resumed another session: nothing was proven in this one
    else desk.ready(socket, role);
  });
  server.on('tlsClientError', (error, socket) => {
    const say = isReset(error) ? desk.explain : desk.mistrust;
    say(addressOf(socket), `no handshake with our secret: ${tlsReason(error)}`);
  });
  return (socket) =>
    afterFirstRecord(socket, () => {
      desk.spoke(addressOf(socket));
      server.emit('connection', socket);
    });
}

/** It went away; that shows no wrong secret. */
function isReset(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ECONNRESET';
}

export interface ConnectOptions extends IntroductionOptions {
  host: string;
  port: number;
  /** The coordinator's secret; null where it runs without protection. */
  secret: Buffer | null;
  /** For everything until `welcome`: names, TCP, TLS, hello. */
  timeoutMs: number;
  /** Ends the attempt: the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Connects to a coordinator; resolves after `welcome`, when large frames are allowed. Rejects with LbtopError:
 * `unreachable` where there is no coordinator, `refused` where it does not know the secret or does not let us in (or
 * another code, if it refused with that), `usage` for a port that cannot be.
 */
export function connect(options: ConnectOptions): Promise<Connection> {
  const { host, port, secret, role, timeoutMs, signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    let socket: Socket | null = null;
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
    };
    const fail = (error: unknown): void => {
      finish();
      socket?.destroy();
      reject(error);
    };
    const aborted = (): void => fail(signal?.reason);
    const timer = setTimeout(() => fail(timeoutError(host, port, timeoutMs)), timeoutMs);
    signal?.addEventListener('abort', aborted);

    const failedEarly = (error: unknown): void => fail(connectError(error, host, port));
    try {
      socket = secret === null ? connectTcp({ host, port }) : protectedSocket(host, port, role, roleKey(secret, role));
    } catch (error) {
      return failedEarly(error);
    }
    const ready = socket;
    ready.on('error', failedEarly);
    ready.once(secret === null ? 'connect' : 'secureConnect', () => {
      if (ready instanceof tls.TLSSocket && !ready.isSessionReused()) return fail(certificateOffered(host, port));
      ready.off('error', failedEarly);
      introduce(ready, hostPort(host, port), options).then((connection) => {
        finish();
        resolve(connection);
      }, fail);
    });
  });
}

/**
 * A server that has a certificate may choose it in place of the key, and one that the public authorities signed would
 * pass for the coordinator. So none is trusted, whatever the environment says, and a certificate that was looked at at
 * all is an error; the caller checks once more that the session rests on the key (OpenSSL counts it as resumed).
 */
function protectedSocket(host: string, port: number, role: Role, key: Buffer): tls.TLSSocket {
  return tls.connect({
    ...tlsOptions,
    host,
    port,
    ca: [],
    rejectUnauthorized: true,
    checkServerIdentity: () => new Error('offered a certificate'),
    pskCallback: () => ({ psk: key, identity: role }),
  });
}
