/** Finds the coordinator that is meant, and connects to it with the secret that it knows. */
import { randomBytes } from 'node:crypto';
import { access } from 'node:fs/promises';
import { LbtopError } from '../model/errors.ts';
import type { Role } from '../wire/messages.ts';
import { type Client, connectClient, type Dial } from './client.ts';
import { type CredentialFlags, credentialOf } from './credential.ts';
import { findAddresses } from './find-address.ts';
import type { Flags } from './flags.ts';
import type { Address, Places } from './places.ts';

/**
 * Connects to the coordinator that is meant. Throws LbtopError: `unreachable` where there is none, `refused` where the
 * secret is missing or wrong, `usage` where its file is not what it should be.
 */
export async function openClient(
  flags: Pick<Flags, 'connect'> & CredentialFlags,
  where: Places,
  options: { role?: Role; signal?: AbortSignal; dial?: Dial } = {},
): Promise<Client> {
  const addresses = await findAddresses(flags, where);
  const file = flags.secretFile ?? where.secretFile;
  const { secretFile, tlsCa, tlsCert, tlsKey } = flags;
  const bare = [secretFile, tlsCa, tlsCert, tlsKey].every((one) => one === undefined);
  const missing = bare && !(await exists(file));
  // Without a secret we knock with one that nobody knows: it tells whether there is a coordinator at all.
  const secret = missing ? randomBytes(32) : await credentialOf(flags, where);
  try {
    return await connectFirst(addresses, { secret, ...options });
  } catch (error) {
    if (missing && error instanceof LbtopError && error.code === 'refused')
      throw new LbtopError(
        'refused',
        `no secret in ${file}: copy the coordinator's there, or say where it is with --secret-file`,
      );
    throw error;
  }
}

/** Connects to the first that is there: those that only stand by do not listen. */
async function connectFirst(
  addresses: readonly Address[],
  options: Omit<Parameters<typeof connectClient>[0], 'host' | 'port'>,
): Promise<Client> {
  for (const [i, address] of addresses.entries()) {
    try {
      return await connectClient({ ...address, ...options });
    } catch (error) {
      const next = error instanceof LbtopError && error.code === 'unreachable' && i < addresses.length - 1;
      if (!next || options.signal?.aborted) throw error;
    }
  }
  throw new LbtopError('usage', 'no address to connect to: see --connect');
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch (error) {
    return !(error instanceof Error && 'code' in error && error.code === 'ENOENT'); // loadSecret says what it is
  }
}
