/** What this user shows to a coordinator: the certificate that the flags name, else the secret or the token in a file. */
import { type Certificate, loadCertificate } from '../wire/certificate.ts';
import type { Credential, OwnKey } from '../wire/credential.ts';
import { isLoopback } from '../wire/reach.ts';
import { loadCredential, secretAgain, secretThere } from '../wire/secret.ts';
import { usage } from './complaint.ts';
import type { Flags } from './flags.ts';
import type { Places, Whereabouts } from './places.ts';

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

/** Returns what reads it again when it is to be shown again; what cannot be had stays what it was, and `complain` is told why. */
export function credentialAgain(
  flags: CredentialFlags,
  where: Places,
  known: Credential,
  complain: (line: string) => void,
): () => Promise<Credential> {
  return secretAgain(() => credentialOf(flags, where), known, complain);
}

/**
 * As `credentialOf`, for what waits for a coordinator anyway: where that is to run here and has not made its secret yet,
 * it waits for this too. `waits` is told of it, once.
 */
export async function credentialInTime(
  flags: CredentialFlags,
  where: Places,
  coordinator: Whereabouts,
  waits: (line: string) => void,
): Promise<Buffer | OwnKey | Certificate> {
  const certificate = await certificateOf(flags, 'peer');
  if (certificate !== null) return certificate;
  const isHere = !('engine' in coordinator) && coordinator.every(({ host }) => isLoopback(host));
  if (isHere && flags.secretFile === undefined) await secretThere(where.secretFile, waits);
  return credentialOf(flags, where);
}
