/**
 * Who gets in, and for how long: the secret and the one before it, the tokens that follow from them, certificates. What
 * ends, ends for open connections too.
 */
import { LbtopError } from '../model/errors.ts';
import type { TokenRow } from '../model/report.ts';
import type { Certificate } from '../wire/certificate.ts';
import type { Connection, ConnectionEvents } from '../wire/connection.ts';
import { tokenText } from '../wire/credential.ts';
import { findBySecret, type Identity, type Keyring, readIdentity, secretId, tokenKey } from '../wire/keys.ts';
import type { Role } from '../wire/messages.ts';
import { type FormerSecret, newSecret } from '../wire/secret.ts';
import type { TokenList, TokenRecord } from './token-list.ts';

export interface AccessOptions {
  secret: Buffer | Certificate | null;
  former: FormerSecret | null;
  tokens: TokenList;
  /** ms since the epoch. */
  now(): number;
  /** Makes the secrets durable; null: they cannot be changed. Rejects with the file system's error. */
  keep: ((secret: Buffer, former: FormerSecret) => Promise<void>) | null;
  log(line: string): void;
}

export interface Access {
  /** What a listener needs. */
  readonly door: Keyring | Certificate | null;
  /** Why a peer that has proven who it is does not get in, in one line, or null. */
  objection(identity: Identity | null): string | null;
  /** Closes the connection when what its peer has proven ends; returns what the connection is to tell instead of `events`. */
  guard(connection: Connection, identity: Identity | null, events: ConnectionEvents): ConnectionEvents;
  create(given: {
    role: Role;
    ttlMs: number | null;
    name: string | null;
    by: string;
  }): Promise<TokenRecord & { token: string }>;
  list(): TokenRow[];
  /** By id or name; returns the ids. Throws LbtopError where there is none. */
  revoke(token: string): Promise<string[]>;
  /** Returns until when the secret of before is accepted as well. Throws LbtopError where secrets cannot be changed. */
  rotate(periodMs: number): Promise<number>;
  [Symbol.dispose](): void;
}

/** The clock may be set, and timers do not reach far: looked at again after so long at the latest. */
const lookMs = 60_000;

/** Returns the access that holds now. */
export function access({ secret, former, tokens, now, keep, log }: AccessOptions): Access {
  const secrets = [
    ...(Buffer.isBuffer(secret) ? [known(secret, null)] : []),
    ...(former === null ? [] : [known(former.secret, former.until)]),
  ];
  const open = new Map<Connection, Identity>();
  let timer: NodeJS.Timeout | undefined;
  /** When the next one ends, as far as that is known. */
  let lookAt = Number.POSITIVE_INFINITY;

  const accepted = (id: string) => secrets.find((one) => one.id === id && (one.until === null || one.until > now()));

  /** Null where it holds. */
  function ended(token: TokenRecord): string | null {
    if (token.revokedAt !== null) return 'was revoked';
    if (token.expiresAt !== null && token.expiresAt <= now()) return 'has expired';
    return accepted(token.secret) === undefined ? 'follows from a secret that was changed since' : null;
  }

  function objection(identity: Identity | null): string | null {
    if (identity === null) return null;
    const { kind, id } = identity.proof;
    if (kind === 'secret') return accepted(id) === undefined ? 'this secret was changed: copy the new one' : null;
    if (kind === 'token') {
      const token = tokens.get(id);
      const why = token === undefined ? 'is not known any more' : ended(token);
      return why === null ? null : `the token ${identity.name} ${why}: ask for a new one (lbtop token create)`;
    }
    const over = identity.validUntil !== undefined && identity.validUntil <= now();
    return over ? `the certificate of ${identity.name} has expired: ask for a new one` : null;
  }

  /** True where its file may hold something newer by now: it is worth to come once more. */
  function isReplaceable({ proof: { kind, id } }: Identity): boolean {
    return kind !== 'token' || tokens.get(id)?.revokedAt === null;
  }

  /** When what it rests on ends, as far as that is known. */
  function endOf({ proof: { kind, id }, validUntil }: Identity): number {
    if (kind === 'token') {
      const token = tokens.get(id);
      return Math.min(
        token?.expiresAt ?? Number.POSITIVE_INFINITY,
        accepted(token?.secret ?? '')?.until ?? Number.POSITIVE_INFINITY,
      );
    }
    if (kind === 'secret') return accepted(id)?.until ?? Number.POSITIVE_INFINITY;
    return validUntil ?? Number.POSITIVE_INFINITY;
  }

  /** Closes what has ended, and looks again when the next one does. */
  function look(): void {
    clearTimeout(timer);
    lookAt = Number.POSITIVE_INFINITY;
    for (const [connection, identity] of [...open]) {
      const reason = objection(identity);
      if (reason === null) lookBy(endOf(identity));
      else {
        open.delete(connection);
        log(`${identity.role} ${identity.name ?? ''} at ${connection.address} is let in no longer: ${reason}`);
        connection.send({ kind: 'refuse', code: isReplaceable(identity) ? 'unreachable' : 'refused', reason });
        connection.close(reason);
      }
    }
  }

  function lookBy(end: number): void {
    if (end >= lookAt) return;
    lookAt = end;
    clearTimeout(timer);
    timer = setTimeout(look, Math.min(lookMs, Math.max(1, end - now()))).unref();
  }

  const keyring: Keyring = {
    find(identity) {
      const said = readIdentity(identity);
      if (said === null) return null;
      if (said.token === null) return findBySecret(identity, secrets);
      const token = tokens.get(said.token);
      // Also of one that has ended: whoever has its key may be told that.
      const from = secrets.find(({ id }) => id === token?.secret);
      if (token === undefined || from === undefined || token.role !== said.role) return null;
      const proof = { kind: 'token', id: token.id } as const;
      return { key: tokenKey(from.secret, token.role, token.id), who: { role: token.role, name: token.name, proof } };
    },
  };

  return {
    door: Buffer.isBuffer(secret) ? keyring : secret,
    objection,
    guard(connection, identity, events) {
      if (identity === null) return events;
      open.set(connection, identity);
      lookBy(endOf(identity));
      return {
        ...events,
        closed(reason, fault) {
          open.delete(connection);
          events.closed(reason, fault);
        },
      };
    },
    async create({ role, ttlMs, name, by }) {
      const [current] = secrets;
      if (current === undefined || current.until !== null)
        throw new LbtopError(
          'usage',
          secret === null
            ? 'this coordinator runs without protection: tokens would protect nothing'
            : 'this coordinator trusts certificates: whoever signs them gives access',
        );
      const expiresAt = ttlMs === null ? null : Math.round(now() + ttlMs);
      const token = await tokens.add({ role, name, by, expiresAt, secret: current.id });
      log(
        `token ${token.id} made: ${token.name}, ${role}${expiresAt === null ? '' : ` until ${new Date(expiresAt).toISOString()}`}`,
      );
      return { ...token, token: tokenText(role, token.id, tokenKey(current.secret, role, token.id)) };
    },
    list() {
      const used = new Map<string, number>();
      for (const { proof } of open.values()) used.set(proof.id, (used.get(proof.id) ?? 0) + 1);
      return tokens.all().map((token) => {
        const { id, role, name, createdAt, expiresAt, revokedAt, by } = token;
        return {
          id,
          role,
          name,
          state: stateOf(token),
          createdAt,
          expiresAt,
          revokedAt,
          by,
          connections: used.get(id) ?? 0,
        };
      });
    },
    async revoke(token) {
      const revoking = tokens.revoke(token);
      look();
      return (await revoking).map(({ id }) => id);
    },
    async rotate(periodMs) {
      const [current] = secrets;
      if (current === undefined || current.until !== null || keep === null)
        throw new LbtopError('usage', 'this coordinator has no secret file of its own: there is nothing to rotate');
      const next = known(newSecret(), null);
      const until = Math.round(now() + periodMs);
      await keep(next.secret, { secret: current.secret, until });
      secrets.splice(0, secrets.length, next, known(current.secret, until));
      log(`the secret ${next.id} holds from now on, and ${current.id} until ${new Date(until).toISOString()}`);
      look();
      return until;
    },
    [Symbol.dispose]: () => clearTimeout(timer),
  };

  function stateOf(token: TokenRecord): TokenRow['state'] {
    if (token.revokedAt !== null) return 'revoked';
    if (token.expiresAt !== null && token.expiresAt <= now()) return 'expired';
    return ended(token) === null ? 'valid' : 'rotated';
  }
}

function known(secret: Buffer, until: number | null) {
  return { secret, id: secretId(secret), until };
}
