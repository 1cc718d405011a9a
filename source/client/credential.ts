/** What this user shows to a coordinator: the certificate that the flags name, else the secret or the token in a file. */
import { type Certificate, loadCertificate } from '../wire/certificate.ts';
import type { OwnKey } from '../wire/credential.ts';
import { loadCredential } from '../wire/secret.ts';
import { usage } from './complaint.ts';
import type { Flags } from './flags.ts';
import type { Places } from './places.ts';

export type CredentialFlags = Pick<Flags, 'secretFile' | 'tlsCa' | 'tlsCert' | 'tlsKey'>;

/** Returns the certificate that the flags name, or null where they name none. Throws LbtopError (usage). */
export async function certificateOf(flags: CredentialFlags, as: 'coordinator' | 'peer'): Promise<Certificate | null> {
  const { tlsCa: ca, tlsCert: cert, tlsKey: key } = flags;
  if (ca === undefined && cert === undefined && key === undefined) return null;
  if (ca === undefined || cert === undefined || key === undefined)
    throw usage('certificates need all three of --tls-ca, --tls-cert and --tls-key');
  return loadCertificate({ ca, cert, key }, as);
}

/** Returns what to show. Throws LbtopError (usage) where it is missing or not what it should be. */
export async function credentialOf(flags: CredentialFlags, where: Places): Promise<Buffer | OwnKey | Certificate> {
  return (await certificateOf(flags, 'peer')) ?? loadCredential(flags.secretFile ?? where.secretFile);
}
