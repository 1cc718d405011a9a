/**
 * The coordinator's secret in a file: 32 random bytes, as one line of base64url that only its owner can read. A file of
 * the same kind holds a token.
 */
import { randomBytes } from 'node:crypto';
import { access, unlink } from 'node:fs/promises';
import { LbtopError, oneLine } from '../model/errors.ts';
import { type OwnKey, readToken } from './credential.ts';
import { codeOf, readPrivate, writePrivate } from './private-file.ts';

const secretBytes = 32;
const lookMs = 250;
const oneSecret = /^[A-Za-z0-9_-]{43}\n?$/;
/** Longer than any secret: a wrong file is not read whole. */
const mostBytes = 256;

/**
 * Returns the 32 bytes in `file`. Throws LbtopError (usage) if it is missing, holds something else, or can be read by
 * others than its owner.
 */
export async function loadSecret(file: string): Promise<Buffer> {
  const secret = await loadCredential(file);
  if (Buffer.isBuffer(secret)) return secret;
  throw new LbtopError('usage', `${file} holds a token: a coordinator needs a secret, say which with --secret-file`);
}

/** Returns the secret or the token in `file`. Throws as `loadSecret`. */
export async function loadCredential(file: string): Promise<Buffer | OwnKey> {
  const text = (await readPrivate(file, 'the secret', mostBytes, missing(file))).toString('latin1');
  const token = readToken(text);
  if (token !== null) return token;
  const secret = Buffer.from(text.trimEnd(), 'base64url');
  if (!oneSecret.test(text) || secret.length !== secretBytes)
    throw new LbtopError(
      'usage',
      `${file} does not hold a secret (one line of 43 characters): copy the coordinator's again`,
    );
  return secret;
}

/** Resolves when there is such a file; `waits` is told that there is none, once. */
export async function secretThere(file: string, waits: (line: string) => void): Promise<void> {
  if (await exists(file)) return;
  waits(`no secret at ${file} yet: waiting for the coordinator that makes it`);
  while (!(await exists(file))) await new Promise((resolve) => setTimeout(resolve, lookMs));
}

/** Returns a new secret. */
export function newSecret(): Buffer {
  return randomBytes(secretBytes);
}

/** Returns what a file with this secret holds. */
export function secretText(secret: Buffer): string {
  return `${secret.toString('base64url')}\n`;
}

/**
 * Returns the secret in `file`, which is made, with its directory, where it is missing. Of several processes that do
 * so at once all return the same. Throws LbtopError (usage) as `loadSecret`, and if it cannot be made.
 */
export async function loadOrCreateSecret(file: string): Promise<Buffer> {
  try {
    if (!(await exists(file))) await writePrivate(file, secretText(newSecret()));
  } catch (error) {
    throw new LbtopError('usage', `cannot make the secret ${file}: ${oneLine(error)}`);
  }
  return loadSecret(file);
}

/** The secret before the one that holds, with the end of the time in which it does so too, ms since the epoch. */
export interface FormerSecret {
  readonly secret: Buffer;
  readonly until: number;
}

const formerOf = (file: string): string => `${file}.former`;

/**
 * Puts a new secret into `file`, and the one before beside it. In this order: should only the first be written, it is
 * what holds anyway. Throws LbtopError (failed).
 */
export async function replaceSecret(file: string, secret: Buffer, former: FormerSecret): Promise<void> {
  const until = `until ${new Date(former.until).toISOString()}\n`;
  try {
    await writePrivate(formerOf(file), secretText(former.secret) + until, { replace: true });
    await writePrivate(file, secretText(secret), { replace: true });
  } catch (error) {
    throw new LbtopError('failed', `cannot change the secret ${file}: ${oneLine(error)}`);
  }
}

/** Returns the secret before that in `file` while it holds at `now`; once it does not, its file is removed. Throws as `loadSecret`. */
export async function loadFormerSecret(file: string, now: number): Promise<FormerSecret | null> {
  const former = formerOf(file);
  if (!(await exists(former))) return null;
  const text = (await readPrivate(former, 'the former secret', mostBytes)).toString('latin1');
  const [, secret = '', said = ''] = /^([A-Za-z0-9_-]{43})\nuntil (\S+)\n$/.exec(text) ?? [];
  const until = Date.parse(said);
  if (Number.isNaN(until))
    throw new LbtopError('usage', `${former} does not hold a former secret: remove it, or rotate once more`);
  if (until > now) return { secret: Buffer.from(secret, 'base64url'), until };
  await unlink(former);
  return null;
}

/**
 * Returns what loads a secret (or what else is shown) again each time that it is called; where it cannot be had it is the one
 * before, at first `known`, and `complain` is told why, once.
 */
export function secretAgain<T>(load: () => Promise<T>, known: T, complain: (line: string) => void): () => Promise<T> {
  let last = known;
  let said = '';
  return async () => {
    try {
      last = await load();
      said = '';
    } catch (error) {
      const why = oneLine(error);
      if (why !== said) complain(`the secret stays what it was: ${why}`);
      said = why;
    }
    return last;
  };
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes(codeOf(error)); // there, but not for us: loadSecret says why
  }
}

function missing(file: string): string {
  return `no secret at ${file}: start a coordinator here, or say with --secret-file where its secret is, or a token (lbtop token create)`;
}
