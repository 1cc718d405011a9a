/** Items of a job: read from a file a block at a time, sent ahead of the submission a chunk at a time. */
import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { oneLine } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { Client } from './client.ts';
import { quote, usage } from './complaint.ts';
import type { Io } from './io.ts';

/** Items as they come, some at a time. */
export type Blocks = AsyncIterable<readonly string[]>;

const blockBytes = 256 * 1024;
/** Characters of one upload; of three bytes each at most, they stay below what a frame may hold. */
const uploadCharacters = 1024 * 1024;
/** Uploads that wait for their answer: the next is read while the last travels. */
const uploadsAhead = 4;
const lineFeed = 10;

/** Opens a file, or standard input for `-`. What cannot be read is thrown as LbtopError (usage) on the way. */
export async function* readSource(io: Io, file: string): AsyncIterable<Buffer> {
  const source: AsyncIterable<Uint8Array> =
    file === '-' ? io.stdin() : createReadStream(pathOf(io, file), { highWaterMark: blockBytes });
  try {
    for await (const chunk of source) yield Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk);
  } catch (error) {
    throw usage(`cannot read ${nameOf(file)}: ${reasonOf(error)}`);
  }
}

/** Returns all of a file. Throws LbtopError (usage) where it cannot be read or is larger than `mostBytes`. */
export async function readWhole(io: Io, file: string, mostBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of readSource(io, file)) {
    bytes += part.length;
    if (bytes > mostBytes) throw usage(`${nameOf(file)} is larger than ${mostBytes / 1024 / 1024} MiB`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/**
 * Returns the lines of a file without their ends (LF or CR LF); a last line without end counts, an empty one counts too.
 * Throws LbtopError (usage) with the number of a line that is not UTF-8, holds a NUL or is too long: no command could
 * be given such an argument.
 */
export async function* readLines(io: Io, file: string): Blocks {
  let kept: Buffer[] = [];
  let keptBytes = 0;
  let lines = 0;
  const linesOf = (block: Buffer): string[] => {
    const found = block.toString('utf8').split('\n');
    if (!isUtf8(block) || block.includes(0) || block.includes(13)) check(found, block);
    lines += found.length;
    return found;
  };
  const check = (found: string[], block: Buffer): void => {
    let from = 0;
    for (const [i, line] of found.entries()) {
      const end = block.indexOf(lineFeed, from);
      const bytes = block.subarray(from, end === -1 ? block.length : end);
      if (!isUtf8(bytes))
        throw usage(`line ${lines + i + 1} of ${nameOf(file)} is not UTF-8: lbtop cannot pass it on as it is`);
      if (bytes.includes(0))
        throw usage(`line ${lines + i + 1} of ${nameOf(file)} holds a NUL: is it a list of lines?`);
      if (line.endsWith('\r')) found[i] = line.slice(0, -1);
      from += bytes.length + 1;
    }
  };
  for await (const chunk of readSource(io, file)) {
    const end = chunk.lastIndexOf(lineFeed);
    if (end === -1) {
      kept.push(chunk);
      keptBytes += chunk.length;
      if (keptBytes > limits.itemBytes * 3) throw tooLong(lines + 1, file);
      continue;
    }
    const block = Buffer.concat([...kept, chunk.subarray(0, end)]);
    kept = [chunk.subarray(end + 1)];
    keptBytes = chunk.length - end - 1;
    yield linesOf(block);
  }
  if (keptBytes > 0) yield linesOf(Buffer.concat(kept));
}

/**
 * Returns the items of a file as JSON texts: the elements where it is one array, else one for each line that is not empty.
 * Throws LbtopError (usage) with the number of the line that is not JSON.
 */
export async function* readJson(io: Io, file: string): Blocks {
  const blocks = readLines(io, file)[Symbol.asyncIterator]();
  const first: string[] = [];
  let done = false;
  const more = async (): Promise<void> => {
    const next = await blocks.next();
    if (next.done) done = true;
    else for (const line of next.value) first.push(line);
  };
  const filled = () => first.filter((line) => line.trim() !== '');
  while (!done && filled().length < 2) await more();
  const [one, two] = filled();
  if (one === undefined) return;
  if (one.trimStart().startsWith('[') && (two === undefined || !isJson(one))) {
    let characters = 0;
    for (let counted = 0; !done; ) {
      await more();
      for (; counted < first.length; counted++) characters += (first[counted] as string).length;
      if (characters > limits.itemsBytes)
        throw usage(`${nameOf(file)} is too large for one array: give one JSON value a line`);
    }
    yield elements(first.join('\n'), file);
    return;
  }
  let before = 0;
  const check = (lines: readonly string[]): string[] => {
    const items: string[] = [];
    for (const [i, line] of lines.entries()) {
      if (line.trim() === '') continue;
      if (!isJson(line)) throw usage(`line ${before + i + 1} of ${nameOf(file)} is not JSON: ${quote(line)}`);
      items.push(line.trim());
    }
    before += lines.length;
    return items;
  };
  yield check(first);
  for (let next = await blocks.next(); !next.done; next = await blocks.next()) yield check(next.value);
}

function elements(text: string, file: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw usage(`${nameOf(file)} is not JSON: ${oneLine(error)}`);
  }
  return (value as unknown[]).map((one) => JSON.stringify(one));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Sends items ahead of the `submit` that names `upload`; a few chunks are under way at once. Returns how many there were.
 * Throws LbtopError: what reading the items throws, or the coordinator's refusal.
 */
export async function uploadItems(client: Client, upload: number, blocks: Blocks): Promise<number> {
  let chunk: string[] = [];
  let characters = 0;
  let sent = 0;
  const underWay: Promise<unknown>[] = [];
  const send = async (): Promise<void> => {
    sent += chunk.length;
    const request = client.request('upload', { upload, items: chunk });
    request.catch(() => {}); // seen when its turn comes
    underWay.push(request);
    chunk = [];
    characters = 0;
    if (underWay.length >= uploadsAhead) await underWay.shift();
  };
  for await (const block of blocks) {
    for (const item of block) {
      if (item.length > limits.itemBytes)
        throw usage(`item ${sent + chunk.length + 1} is longer than ${limits.itemBytes} characters`);
      if (chunk.length === limits.itemsPerUpload || characters + item.length > uploadCharacters) {
        if (chunk.length > 0) await send();
      }
      chunk.push(item);
      characters += item.length;
    }
    if (sent + chunk.length > limits.tasksPerJob)
      throw usage(`more than ${limits.tasksPerJob} items: submit them as several jobs`);
  }
  if (chunk.length > 0) await send();
  await Promise.all(underWay);
  return sent;
}

function tooLong(line: number, file: string): Error {
  return usage(`line ${line} of ${nameOf(file)} is longer than ${limits.itemBytes} characters`);
}

function pathOf({ cwd }: Io, file: string): string {
  return file.startsWith('/') ? file : `${cwd}/${file}`;
}

function nameOf(file: string): string {
  return file === '-' ? 'standard input' : quoted(file);
}

function quoted(file: string): string {
  return /^[\x21-\x7e]+$/.test(file) ? file : quote(file);
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EACCES') return 'not allowed';
  if (code === 'EISDIR') return 'it is a directory';
  return oneLine(error);
}
