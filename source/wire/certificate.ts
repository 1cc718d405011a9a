/**
 * Certificates in place of the secret: the common name (CN) says who it is, the organizational unit (OU) what he may do:
 * one of the roles, or `coordinator`.
 */
import { X509Certificate } from 'node:crypto';
import { LbtopError, oneLine } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { Identity } from './keys.ts';
import { type Role, roles } from './messages.ts';
import { readPrivate, readWhole } from './private-file.ts';

/** A certificate with its key, and who signed those of the peers that are trusted; all PEM. */
export interface Certificate {
  readonly kind: 'certificate';
  /** Null: the coordinator's. */
  readonly role: Role | null;
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** The unit of a coordinator's certificate: no node's can stand for it. */
export const coordinatorUnit = 'coordinator';

/** What Node says of a subject: a field that occurs several times is a list. */
export type Subject = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Returns the values of a field of a subject. */
export function fieldsOf(subject: Subject | undefined, field: 'CN' | 'OU'): readonly string[] {
  const said = subject?.[field];
  return said === undefined ? [] : typeof said === 'string' ? [said] : said;
}

/** Returns who a certificate that was verified stands for, or why nobody. */
export function identityOf(certificate: {
  subject?: Subject;
  serialNumber: string;
  valid_to: string;
}): Identity | string {
  const [name, second] = fieldsOf(certificate.subject, 'CN');
  const units = fieldsOf(certificate.subject, 'OU');
  // One that stands by looks whether the other one lives.
  const said = units.includes(coordinatorUnit) ? (['viewer'] as const) : roles.filter((role) => units.includes(role));
  const [role] = said;
  if (name === undefined || name === '' || second !== undefined || name.length > limits.nameLength)
    return `its certificate has no name (CN) of 1 to ${limits.nameLength} characters`;
  if (role === undefined || said.length > 1)
    return `its certificate has no role: one organizational unit (OU) has to be ${roles.join(', ')}`;
  const proof = { kind: 'certificate', id: certificate.serialNumber } as const;
  return { role, name, proof, validUntil: Date.parse(certificate.valid_to) };
}

/** The files that `--tls-ca`, `--tls-cert` and `--tls-key` name. */
export interface CertificateFiles {
  ca: string;
  cert: string;
  key: string;
}

/**
 * Reads a certificate for `as`. Throws LbtopError (usage) where a file is missing, the key can be read by others, it does
 * not belong to the certificate, or the certificate has no role of this kind.
 */
export async function loadCertificate(files: CertificateFiles, as: 'coordinator' | 'peer'): Promise<Certificate> {
  const [ca, cert, key] = await Promise.all([
    readWhole(files.ca, 'the certificate authority'),
    readWhole(files.cert, 'the certificate'),
    readPrivate(files.key, 'the key of the certificate', keyBytes),
  ]);
  let read: X509Certificate;
  try {
    read = new X509Certificate(cert);
  } catch (error) {
    throw new LbtopError('usage', `${files.cert} does not hold a certificate (PEM): ${oneLine(error)}`);
  }
  const units = read.subject.split('\n').flatMap((line) => (line.startsWith('OU=') ? [line.slice(3)] : []));
  if (as === 'coordinator') {
    if (!units.includes(coordinatorUnit))
      throw new LbtopError('usage', `${files.cert} is not a coordinator's: its OU has to be ${coordinatorUnit}`);
    return { kind: 'certificate', role: null, ca, cert, key };
  }
  const role = roles.find((one) => units.includes(one));
  if (role === undefined)
    throw new LbtopError('usage', `${files.cert} has no role: its OU has to be one of ${roles.join(', ')}`);
  return { kind: 'certificate', role, ca, cert, key };
}

const keyBytes = 64 * 1024;
