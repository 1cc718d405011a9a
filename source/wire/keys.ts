/**
 * Keys that follow from the coordinator's secret by HKDF-SHA-256 (RFC 5869), and who it is that holds one.
 *
 * A peer names itself by the identity of its pre-shared key, which anybody on the way can read: `ROLE`, or `ROLE#ID` where
 * ID tells which secret is meant, for whoever holds the secret; `ROLE:TOKEN` for whoever holds a token. The key of a token
 * follows from the secret as well, so that the list of tokens holds none.
 */
import { hkdfSync, randomBytes } from 'node:crypto';
import { type Role, roles } from './messages.ts';

/** Who somebody is, once it is proven. */
export interface Identity {
  readonly role: Role;
  /** What it goes by in the record of who did what; null: by its own word, for whoever holds the secret may say anything. */
  readonly name: string | null;
  /** What proves it; `id` is that of the token or of the secret, or the certificate's serial number. */
  readonly proof: { readonly kind: 'secret' | 'token' | 'certificate' | 'ticket'; readonly id: string };
  /** When what proves it ends, ms since the epoch, where that is known from it alone. */
  readonly validUntil?: number;
}

/** The keys that a listener knows. */
export interface Keyring {
  /** Returns the key of an identity, and whom it proves; null: nobody has it. */
  find(identity: string): { key: Buffer; who: Identity } | null;
}

function derived(secret: Buffer, info: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, 'lbtop', info, bytes));
}

/** Returns the 32 bytes that prove a role, for whoever holds the coordinator's secret. */
export function roleKey(secret: Buffer, role: Role): Buffer {
  return derived(secret, `psk:${role}`, 32);
}

/** Returns the 32 bytes of a token. */
export function tokenKey(secret: Buffer, role: Role, token: string): Buffer {
  return derived(secret, `token:${role}:${token}`, 32);
}

/** Returns what a secret is called where it must not be said: 12 hexadecimal digits. */
export function secretId(secret: Buffer): string {
  return derived(secret, 'id', 6).toString('hex');
}

/** Returns what the holder of the secret calls itself. */
export function secretIdentity(secret: Buffer, role: Role): string {
  return `${role}#${secretId(secret)}`;
}

/** Returns what the holder of a token calls itself. */
export function tokenIdentity(role: Role, token: string): string {
  return `${role}:${token}`;
}

const oneIdentity = /^([a-z]+)(?:#([0-9a-f]{12})|:([0-9a-f]{10}))?$/;

/** Returns what an identity says; null where it is none. */
export function readIdentity(identity: string): { role: Role; secret: string | null; token: string | null } | null {
  const match = oneIdentity.exec(identity);
  const role = roles.find((one) => one === match?.[1]);
  if (match === null || role === undefined) return null;
  return { role, secret: match[2] ?? null, token: match[3] ?? null };
}

/** Returns the key of `identity` for the holder of one of these secrets, the first of which is meant where none is named. */
export function findBySecret(
  identity: string,
  secrets: readonly { secret: Buffer; id: string }[],
): ReturnType<Keyring['find']> {
  const said = readIdentity(identity);
  if (said === null || said.token !== null) return null;
  const meant = said.secret === null ? secrets[0] : secrets.find(({ id }) => id === said.secret);
  if (meant === undefined) return null;
  const proof = { kind: 'secret', id: meant.id } as const;
  return { key: roleKey(meant.secret, said.role), who: { role: said.role, name: null, proof } };
}

/** Returns the keyring of one secret, without tokens. */
export function secretKeyring(secret: Buffer): Keyring {
  const secrets = [{ secret, id: secretId(secret) }];
  return { find: (identity) => findBySecret(identity, secrets) };
}

/** A key that nobody holds: an identity that is not known fails as a wrong key does, and tells nothing. */
export function nobodysKey(): Buffer {
  return randomBytes(32);
}

/** What those call themselves who bring tickets to a node. */
export const callerIdentity = 'caller';

/** Returns the keyring of a node that takes tickets; null: it knows nobody yet. */
export function callerKeyring(key: () => Buffer | null): Keyring {
  const who: Identity = { role: 'submitter', name: null, proof: { kind: 'ticket', id: '' } };
  return {
    find(identity) {
      const now = key();
      return identity === callerIdentity && now !== null ? { key: now, who } : null;
    },
  };
}
