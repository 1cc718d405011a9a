/**
 * What somebody shows who connects: the coordinator's secret, a key that stands for one role (a token's), or a certificate.
 */
import { LbtopError } from '../model/errors.ts';
import type { Certificate } from './certificate.ts';
import { roleKey, secretIdentity, tokenIdentity } from './keys.ts';
import { type Role, roles } from './messages.ts';

/** A key that proves one role. */
export interface OwnKey {
  readonly kind: 'key';
  readonly role: Role;
  /** How its holder names itself; anybody on the way can read it. */
  readonly identity: string;
  readonly key: Buffer;
}

/** A buffer is the secret: whoever holds it may take any role. */
export type Credential = Buffer | OwnKey | Certificate;

/** Returns the role that a credential has, whatever its holder would like to be; null: that one. */
export function roleOf(credential: Credential | null): Role | null {
  return credential === null || Buffer.isBuffer(credential) ? null : credential.role;
}

/** Returns the pre-shared key to show for a role, or null for a certificate. */
export function sharedKey(credential: Credential, role: Role): { identity: string; key: Buffer } | null {
  if (Buffer.isBuffer(credential))
    return { identity: secretIdentity(credential, role), key: roleKey(credential, role) };
  return credential.kind === 'key' ? credential : null;
}

/** Throws LbtopError (refused) where a credential is not for this role: nodes and clients do not take each other's place. */
export function checkRole(credential: Credential | null, wanted: Role): void {
  const role = roleOf(credential);
  if (role === null || (role === 'node') === (wanted === 'node')) return;
  const whose = wanted === 'node' ? `a ${role}'s, and a node needs one` : 'that of a node, and this needs one';
  const needed = wanted === 'node' ? 'node' : 'submitter, operator or viewer';
  throw new LbtopError('refused', `this credential is ${whose} with the role ${needed}: lbtop token create makes them`);
}

const oneToken = /^lbtop\.([a-z]+)\.([0-9a-f]{10})\.([A-Za-z0-9_-]{43})\n?$/;

/** Returns a token as one line of text. */
export function tokenText(role: Role, token: string, key: Buffer): string {
  return `lbtop.${role}.${token}.${key.toString('base64url')}`;
}

/** Returns what a token's text says, or null where it is none. */
export function readToken(text: string): OwnKey | null {
  const [, said, token = '', key = ''] = oneToken.exec(text) ?? [];
  const role = roles.find((one) => one === said);
  if (role === undefined) return null;
  return { kind: 'key', role, identity: tokenIdentity(role, token), key: Buffer.from(key, 'base64url') };
}
