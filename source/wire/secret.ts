/** The coordinator's secret in a file: 32 random bytes, as one line of base64url that only its owner can read. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, link, mkdir, open, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LbtopError, oneLine } from '../model/errors.ts';

const secretBytes = 32;
const oneSecret = /^[A-Za-z0-9_-]{43}\n?$/;
/** Longer than any secret: a wrong file is not read whole. */
const mostBytes = 256;

/**
 * Returns the 32 bytes in `file`. Throws LbtopError (usage) if it is missing, holds something else, or can be read by
 * others than its owner.
 */
export async function loadSecret(file: string): Promise<Buffer> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'r');
  } catch (error) {
    throw new LbtopError(
      'usage',
      codeOf(error) === 'ENOENT' ? missing(file) : `cannot read the secret: ${oneLine(error)}`,
    );
  }
  try {
    const { mode } = await handle.stat();
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      throw new LbtopError('usage', `others than its owner can read the secret: run chmod 600 ${file}`);
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(mostBytes), 0, mostBytes, 0);
    const text = buffer.toString('latin1', 0, bytesRead);
    const secret = Buffer.from(text.trimEnd(), 'base64url');
    if (!oneSecret.test(text) || secret.length !== secretBytes)
      throw new LbtopError(
        'usage',
        `${file} does not hold a secret (one line of 43 characters): copy the coordinator's again`,
      );
    return secret;
  } catch (error) {
    throw error instanceof LbtopError
      ? error
      : new LbtopError('usage', `cannot read the secret ${file}: ${oneLine(error)}`);
  } finally {
    await handle.close();
  }
}

/**
 * Returns the secret in `file`, which is made, with its directory, where it is missing. Of several processes that do
 * so at once all return the same. Throws LbtopError (usage) as `loadSecret`, and if it cannot be made.
 */
export async function loadOrCreateSecret(file: string): Promise<Buffer> {
  const directory = dirname(file);
  const draft = join(directory, `.secret-${process.pid}-${randomBytes(6).toString('hex')}`);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    if (await exists(file)) return await loadSecret(file);
    // Whole before it has its name: whoever finds the file finds all of it, and `link` never takes another's place.
    await writeWhole(draft, `${randomBytes(secretBytes).toString('base64url')}\n`);
    try {
      await link(draft, file);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    } finally {
      await unlink(draft);
    }
  } catch (error) {
    if (error instanceof LbtopError) throw error;
    throw new LbtopError('usage', `cannot make the secret ${file}: ${oneLine(error)}`);
  }
  return loadSecret(file);
}

async function writeWhole(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    await (await open(file, 'r')).close();
    return true;
  } catch (error) {
    return codeOf(error) !== 'ENOENT'; // there, but not for us: loadSecret says why
  }
}

function missing(file: string): string {
  return `no secret at ${file}: start a coordinator here, or copy its secret and say where with --secret-file`;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
