/** One line for each way in which an address cannot be listened on or reached: what was wrong and what to do. */
import { hostname } from 'node:os';
import { LbtopError, oneLine } from '../model/errors.ts';

/** `host:port`, with brackets around an IPv6 address. */
export function hostPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** Returns a host that others can go to: an address that stands for all of a machine's is none. */
export function reachableHost(host: string): string {
  return host === '0.0.0.0' || host === '::' || host === '' ? hostname() : host;
}

/** True where only this machine can be meant. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Returns the error for a listener that others could reach and anybody could use. */
export function unprotected(host: string): LbtopError {
  return new LbtopError(
    'usage',
    `without a secret or certificates nothing listens on ${host}: choose 127.0.0.1, or give --secret-file`,
  );
}

/** Returns the error for a listener that could not start. */
export function listenError(error: unknown, host: string, port: number): LbtopError {
  const usage = (message: string) => new LbtopError('usage', message);
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return usage(`port ${port} on ${host} is in use: choose another with --port or stop the other program`);
    case 'EACCES':
      return usage(`not allowed to listen on port ${port} of ${host}: choose one above 1023 with --port`);
    case 'EADDRNOTAVAIL':
      return usage(`${host} is not an address of this machine: choose another with --host`);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return usage(`cannot find the host ${host}: check --host`);
    case 'ERR_SOCKET_BAD_PORT':
      return usage(`${port} is not a port: choose 0 to 65535 with --port`);
    default:
      return usage(`cannot listen on ${hostPort(host, port)}: ${oneLine(error)}`);
  }
}

/** Returns the error for a coordinator that could not be reached, from what the socket, TLS or the frame reader said. */
export function connectError(error: unknown, host: string, port: number): LbtopError {
  const address = hostPort(host, port);
  const unreachable = (message: string) => new LbtopError('unreachable', message);
  const code = codeOf(error);
  switch (code) {
    case 'ECONNREFUSED':
      return unreachable(`no coordinator at ${address} (connection refused): start one with lbtop --coordinator`);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return unreachable(`cannot find the host ${host}: check --connect`);
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return unreachable(`no way to ${address}: check --connect and the network`);
    case 'ETIMEDOUT':
      return unreachable(`no answer from ${address}: check --connect and the firewall`);
    case 'ERR_SOCKET_BAD_PORT':
      return new LbtopError('usage', `${port} is not a port: check --connect`);
    // What a coordinator answers to a key that it does not know, or to a role that it has no key for.
    case 'ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR':
    case 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE':
    case 'ERR_SSL_TLSV1_ALERT_UNKNOWN_PSK_IDENTITY':
      return new LbtopError(
        'refused',
        `${address} does not know this secret or token: give the coordinator's with --secret-file`,
      );
    default:
  }
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || code.includes('CERT'))
    return unreachable(
      `${address} is not an lbtop coordinator, runs without protection, or has another kind of it (TLS says: ${tlsReason(error)}): see --secret-file, --tls-ca`,
    );
  if (code === 'ECONNRESET') return strangeAnswer(address, '');
  return unreachable(`cannot reach a coordinator at ${address}: ${oneLine(error)}`);
}

/** Returns the error for an address that did not say `welcome` in time. */
export function timeoutError(host: string, port: number, timeoutMs: number): LbtopError {
  return new LbtopError(
    'unreachable',
    `no answer from ${hostPort(host, port)} within ${timeoutMs} ms: check --connect and the firewall`,
  );
}

/** Returns the error for a server that would not use the key but showed a certificate. */
export function certificateOffered(host: string, port: number): LbtopError {
  return new LbtopError(
    'unreachable',
    `${hostPort(host, port)} is not an lbtop coordinator: it does not use the secret`,
  );
}

/** It accepted the connection and closed it: something else, or a coordinator where too many come at once. */
export class ClosedSilently extends LbtopError {}

/** Returns the error for something at `address` that connected and then did not answer hello; `seen` is how that ended. */
export function strangeAnswer(address: string, seen: string): LbtopError {
  const or = 'or one that expects a secret (or none, if one was given)';
  if (seen.startsWith('bad data'))
    return new LbtopError('unreachable', `${address} is not an lbtop coordinator, ${or}`);
  return new ClosedSilently(
    'unreachable',
    `${address} closed the connection without a word: it is not an lbtop coordinator, ${or}`,
  );
}

/** What went wrong in a handshake: OpenSSL's messages are for its authors, their `reason` says something. */
export function tlsReason(error: unknown): string {
  return error instanceof Error && 'reason' in error ? oneLine(error.reason) : oneLine(error);
}
