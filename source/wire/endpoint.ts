/**
 * Where connections begin: a listener and a dialler, with or without protection. The only file that knows TLS.
 *
 * Protected means TLS 1.3. Usually with a pre-shared key (keys.ts): both sides prove that they hold it before a frame is
 * read, OpenSSL compares in constant time, and a holder of one role's key alone cannot take another role. Or, as an option,
 * with certificates on both sides (certificate.ts), and then with nothing else.
 */
import { constants } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net';
import tls from 'node:tls';
import { oneLine } from '../model/errors.ts';
import { type Certificate, coordinatorUnit, fieldsOf, identityOf, type Subject } from './certificate.ts';
import { addressOf, type Connection } from './connection.ts';
import { type Credential, checkRole, roleOf, sharedKey } from './credential.ts';
import { afterFirstRecord } from './first-record.ts';
import { type IntroductionOptions, introduce } from './introduction.ts';
import { type Identity, type Keyring, nobodysKey, secretKeyring } from './keys.ts';
import type { Role } from './messages.ts';
import {
  certificateOffered,
  connectError,
  hostPort,
  isLoopback,
  listenError,
  timeoutError,
  tlsReason,
  unprotected,
} from './reach.ts';
import { type Reception, type ReceptionOptions, reception } from './reception.ts';

const tlsOptions = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256', // a key of this kind needs a suite with SHA-256
  ecdhCurve: 'X25519',
} as const;

/** With certificates nothing is resumed: each connection shows one. */
const certifiedOptions = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const;

export interface ListenOptions extends ReceptionOptions {
  host: string;
  /** 0: any that is free. */
  port: number;
  /** A secret, keys, or a certificate; null: neither encrypted nor authenticated, on loopback only. */
  secret: Buffer | Keyring | Certificate | null;
}

export interface Listener {
  /** As given. */
  readonly host: string;
  /** The real one. */
  readonly port: number;
  /** Says `bye` to all peers and stops; resolves when the last connection is closed, after about a second at most. */
  close(): Promise<void>;
}

/** Listens for nodes and clients. Rejects with LbtopError (usage) if the address cannot be had, or needs protection. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { host, port } = options;
  if (options.secret === null && !isLoopback(host)) throw unprotected(host);
  const desk = reception(options);
  const begin = beginningOf(options.secret, desk);
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

type Begin = (socket: Socket) => void;

/** Returns what begins the conversation, or its handshake, on an accepted socket; the desk hears how that ended. */
function beginningOf(secret: ListenOptions['secret'], desk: Reception): Begin {
  if (secret === null) return (socket) => desk.ready(socket, null);
  if (Buffer.isBuffer(secret)) return byKey(secretKeyring(secret), desk);
  return 'find' in secret ? byKey(secret, desk) : byCertificate(secret, desk);
}

function byKey(keyring: Keyring, desk: Reception): Begin {
  const claimed = new WeakMap<tls.TLSSocket, Identity>();
  const server = tls.createServer({
    ...tlsOptions,
    pskCallback(socket, identity) {
      const known = keyring.find(identity);
      if (known === null) return nobodysKey();
      claimed.set(socket, known.who); // proven once the handshake is done
      return known.key;
    },
  });
  server.on('secureConnection', (socket) => {
    const who = claimed.get(socket);
    if (who === undefined)
      socket.destroy(); // resumed another session: nothing was proven in this one
    else desk.ready(socket, who);
  });
  server.on('tlsClientError', (error, socket) => turnedAway(error, socket, 'secret', desk));
  return handshakeBy(server, desk);
}

/** Returns what gives a socket to the server, once so much has come that it may be a handshake. */
function handshakeBy(server: tls.Server, desk: Reception): Begin {
  return (socket) =>
    afterFirstRecord(socket, () => {
      desk.spoke(addressOf(socket));
      server.emit('connection', socket);
    });
}

function turnedAway(error: Error, socket: tls.TLSSocket, what: 'secret' | 'certificate', desk: Reception): void {
  const say = isReset(error) ? desk.explain : desk.mistrust;
  say(addressOf(socket), `no handshake with our ${what}: ${tlsReason(error)}`);
}

/** It went away; that shows no wrong secret. */
function isReset(error: NodeJS.ErrnoException): boolean {
  return error.code === 'ECONNRESET';
}

function byCertificate({ ca, cert, key }: Certificate, desk: Reception): Begin {
  // Who is not trusted is told so: OpenSSL would only close.
  const server = tls.createServer({ ...certifiedOptions, ca, cert, key, requestCert: true, rejectUnauthorized: false });
  server.on('secureConnection', (socket) => {
    const shown = socket.getPeerCertificate();
    if (!socket.authorized || socket.isSessionReused()) {
      const why = socket.authorizationError ?? 'none was shown in this connection';
      return desk.refuse(socket, `its certificate is not one that our authority signed and that holds now: ${why}`);
    }
    const who = identityOf({ ...shown, subject: shown.subject as unknown as Subject });
    if (typeof who === 'string') desk.refuse(socket, who);
    else desk.ready(socket, who);
  });
  server.on('tlsClientError', (error, socket) => turnedAway(error, socket, 'certificate', desk));
  return handshakeBy(server, desk);
}

export interface ConnectOptions extends IntroductionOptions {
  host: string;
  port: number;
  /** What to show; null where the coordinator runs without protection. A token or a certificate may say another role. */
  secret: Credential | null;
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
  const { host, port, secret, timeoutMs, signal } = options;
  const role = roleOf(secret) ?? options.role;
  return new Promise((resolve, reject) => {
    checkRole(secret, options.role);
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
      socket = secret === null ? connectTcp({ host, port }) : protectedSocket(host, port, role, secret);
    } catch (error) {
      return failedEarly(error);
    }
    const ready = socket;
    ready.on('error', failedEarly);
    ready.once(secret === null ? 'connect' : 'secureConnect', () => {
      if (ready instanceof tls.TLSSocket && !keyed.has(ready) && !ready.authorized)
        return fail(ready.authorizationError);
      if (ready instanceof tls.TLSSocket && keyed.has(ready) && !ready.isSessionReused())
        return fail(certificateOffered(host, port));
      ready.off('error', failedEarly);
      introduce(ready, hostPort(host, port), { ...options, role }).then((connection) => {
        finish();
        resolve(connection);
      }, fail);
    });
  });
}

/** Sockets whose protection has to rest on a key. */
const keyed = new WeakSet<Socket>();

/**
 * A server that has a certificate may choose it in place of the key, and one that the public authorities signed would
 * pass for the coordinator. So none is trusted, whatever the environment says, and a certificate that was looked at at
 * all is an error; the caller checks once more that the session rests on the key (OpenSSL counts it as resumed).
 */
function keyedSocket(host: string, port: number, { identity, key }: { identity: string; key: Buffer }): tls.TLSSocket {
  return tls.connect({
    ...tlsOptions,
    host,
    port,
    ca: [],
    rejectUnauthorized: true,
    checkServerIdentity: () => new Error('offered a certificate'),
    pskCallback: () => ({ psk: key, identity }),
  });
}

function protectedSocket(host: string, port: number, role: Role, secret: Credential): tls.TLSSocket {
  const shared = sharedKey(secret, role);
  if (shared !== null) {
    const socket = keyedSocket(host, port, shared);
    keyed.add(socket);
    return socket;
  }
  const { ca, cert, key } = secret as Certificate;
  return tls.connect({
    ...certifiedOptions,
    host,
    port,
    ca,
    cert,
    key,
    rejectUnauthorized: true,
    checkServerIdentity(name, shown) {
      const units = fieldsOf(shown.subject as unknown as Subject, 'OU');
      if (!units.includes(coordinatorUnit))
        return new Error(`its certificate is not that of a ${coordinatorUnit} (OU)`);
      return tls.checkServerIdentity(name, shown);
    },
  });
}
