/** Certificates as a firm would make them, by the program openssl. */
import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CertificateFiles } from '../../source/wire/certificate.ts';

/** Why there can be none here, or null. */
export const opensslMissing: string | null = (() => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'openssl is not installed';
  }
})();

export interface Authority {
  readonly ca: string;
  /** Makes a certificate, for loopback; `subject` as `/OU=viewer/CN=ana`. */
  sign(name: string, subject: string, days?: number): CertificateFiles;
}

/** Makes an authority whose files lie in the directory. */
export function authorityIn(directory: string, called: string): Authority {
  const at = (name: string) => join(directory, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const [ca, caKey] = [at(`${called}.pem`), at(`${called}.key`)];
  openssl('req', '-x509', ...curve, '-keyout', caKey, '-out', ca, '-subj', `/CN=${called}`, '-days', '2');
  return {
    ca,
    sign(name, subject, days = 1) {
      const [cert, key, request, extensions] = [
        at(`${name}.pem`),
        at(`${name}.key`),
        at(`${name}.csr`),
        at(`${name}.ext`),
      ];
      writeFileSync(extensions, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
      openssl('req', '-new', ...curve, '-keyout', key, '-out', request, '-subj', subject);
      const signed = ['-in', request, '-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-extfile', extensions];
      openssl('x509', '-req', ...signed, '-days', String(days), '-out', cert);
      chmodSync(key, 0o600);
      return { ca, cert, key };
    },
  };
}
