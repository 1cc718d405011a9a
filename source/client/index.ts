/**
 * What other programs import (docs/library.md has more):
 *
 *     import { connect } from 'lbtop';
 *     await using lbtop = await connect();
 *     for await (const { index, result } of lbtop.map({ task: 'factorize' }, ['360', '1000000016000000063']))
 *       console.log(index, result);
 */
import { LbtopError } from '../model/errors.ts';
import type { Role } from '../wire/messages.ts';
import { faceOf, type Lbtop } from './face.ts';
import { openClient } from './find.ts';
import { defaultReconnectMs, lastingClient } from './lasting.ts';
import { parseWhereabouts, places } from './places.ts';

export { LbtopError, type RefusalCode } from '../model/errors.ts';
export type { Handler, HandlerContext, Log } from '../model/handler.ts';
export type { EventLine, Explanation, JobRow, NodeRow, Pick, ResultRow, Status, TaskRow } from '../model/report.ts';
export type { Json } from '../model/shape.ts';
export type { Client } from './client.ts';
export {
  type Chosen,
  faceOf,
  type Lbtop,
  type MapOptions,
  type Order,
  type OutputPiece,
  type SubmittedJob,
} from './face.ts';
export type { JobOptions, JobWork, Submission, Values } from './submission.ts';

export interface Connecting {
  /** `HOST:PORT`, several with commas, or `etcd://…` for the one that leads there; if left out LBTOP_CONNECT of the environment, else the coordinator of this machine. */
  connect?: string;
  /** Its secret, or a token that it made; if left out LBTOP_SECRET_FILE, else that in the state directory. */
  secretFile?: string;
  /** PEM files of certificates in place of the secret; if left out LBTOP_TLS_CA, LBTOP_TLS_CERT, LBTOP_TLS_KEY. */
  tls?: { ca: string; cert: string; key: string };
  /** `operator` if left out; a token or a certificate says it itself. */
  role?: Exclude<Role, 'node'>;
  /** Ends the attempt to connect. */
  signal?: AbortSignal;
  /**
   * How long to try where the coordinator goes away later, ms; 120,000 if left out. What waits then goes on where it was; what
   * is asked meanwhile waits. 0: what is lost stays lost.
   */
  reconnectMs?: number;
  /** Is told that it went away, and why. */
  onLost?: (why: string) => void;
  /** Is told that it is there again, and for how long it was not. */
  onBack?: (awayMs: number) => void;
}

/** Connects to a coordinator. Throws LbtopError with code `unreachable`, `refused` or `usage`. */
export async function connect({
  connect,
  secretFile,
  tls,
  role,
  signal,
  reconnectMs = defaultReconnectMs,
  onLost,
  onBack,
}: Connecting = {}): Promise<Lbtop> {
  const { LBTOP_CONNECT, LBTOP_SECRET_FILE, LBTOP_TLS_CA, LBTOP_TLS_CERT, LBTOP_TLS_KEY } = process.env;
  const named = connect ?? (LBTOP_CONNECT || undefined);
  const address = named === undefined ? undefined : parseWhereabouts(named);
  if (address === undefined && named !== undefined)
    throw new LbtopError(
      'usage',
      `${named} is not HOST:PORT (an IPv6 address in brackets), nor a list of such, nor etcd://HOST:2379`,
    );
  const flags = {
    connect: address,
    secretFile: secretFile ?? (LBTOP_SECRET_FILE || undefined),
    tlsCa: tls?.ca ?? (LBTOP_TLS_CA || undefined),
    tlsCert: tls?.cert ?? (LBTOP_TLS_CERT || undefined),
    tlsKey: tls?.key ?? (LBTOP_TLS_KEY || undefined),
  };
  const as = role === undefined ? {} : { role };
  const first = await openClient(flags, places(), { ...as, ...(signal === undefined ? {} : { signal }) });
  return faceOf(
    lastingClient(first, {
      connect: (closing) => openClient(flags, places(), { ...as, signal: closing }),
      reconnectMs,
      ...(onLost === undefined ? {} : { onLost }),
      ...(onBack === undefined ? {} : { onBack }),
    }),
  );
}
