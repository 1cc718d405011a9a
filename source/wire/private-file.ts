/** Files that hold what must stay secret: read only where nobody else can, written whole, and for their owner only. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, link, mkdir, open, readFile, rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LbtopError, oneLine } from '../model/errors.ts';

/**
 * Returns the first `mostBytes` of a file that only its owner can read. `what` names it in what is thrown: LbtopError
 * (usage). `missing` is said where there is none.
 */
export async function readPrivate(file: string, what: string, mostBytes: number, missing?: string): Promise<Buffer> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'r');
  } catch (error) {
    const absent = missing !== undefined && codeOf(error) === 'ENOENT';
    throw new LbtopError('usage', absent ? missing : `cannot read ${what}: ${oneLine(error)}`);
  }
  try {
    const { mode } = await handle.stat();
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      throw new LbtopError('usage', `others than its owner can read ${what}: run chmod 600 ${file}`);
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(mostBytes), 0, mostBytes, 0);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw error instanceof LbtopError
      ? error
      : new LbtopError('usage', `cannot read ${what} ${file}: ${oneLine(error)}`);
  } finally {
    await handle.close();
  }
}

/** Returns a file that everybody may read. Throws LbtopError (usage), which names it as `what`. */
export async function readWhole(file: string, what: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new LbtopError('usage', `cannot read ${what}: ${oneLine(error)}`);
  }
}

/**
 * Makes a file, with its directory, for its owner only, whatever the umask. It has its name when it is whole. Returns
 * false, and leaves it as it is, where there is one, unless it is to be replaced. Throws the file system's error.
 */
export async function writePrivate(file: string, text: string, { replace = false } = {}): Promise<boolean> {
  const directory = dirname(file);
  const draft = join(directory, `.secret-${process.pid}-${randomBytes(6).toString('hex')}`);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const handle = await open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (replace) {
    await rename(draft, file);
    return true;
  }
  try {
    await link(draft, file); // never takes another's place
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return false;
  } finally {
    await unlink(draft);
  }
}

/** Returns the code of the system's error, `ENOENT`; '' where it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
