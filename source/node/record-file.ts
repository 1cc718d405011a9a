/**
 * A file of small records that survive the process that wrote them: one a line, each with its checksum. A last line that
 * is not whole (the process was killed while writing) is cut; a damaged line in between is dropped and counted.
 */
import { close, closeSync, fstatSync, ftruncateSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';

export interface RecordFile {
  /** What was found when it was opened: JSON values, in order. */
  readonly found: readonly unknown[];
  /** Lines that were damaged or not whole. */
  readonly dropped: number;
  /** Bytes now in the file. */
  readonly bytes: number;
  /** Adds records (JSON values). Throws what the file system does; nothing is added then. */
  append(records: readonly unknown[]): void;
  /** Replaces the whole content, at once or not at all. Throws as `append`. */
  rewrite(records: readonly unknown[]): void;
  close(): void;
}

const checksumLength = 8;
const lineEnd = Buffer.from('\n');
/** Of all files: what is written is gathered here, so that small records take no memory of their own. */
const gathered = Buffer.allocUnsafeSlow(64 * 1024);
/** UTF-16 code units take three bytes each at most. */
const mostBytesPerUnit = 3;

/** One record as it is written. */
export function recordLine(record: unknown): string {
  const text = JSON.stringify(record);
  return `${checksumOf(text)} ${text}\n`;
}

function checksumOf(text: string | Uint8Array): string {
  return crc32(text).toString(16).padStart(checksumLength, '0');
}

/** Returns the record of one line without its end, or undefined where it is damaged. */
export function parseRecordLine(line: string): unknown {
  const text = line.slice(checksumLength + 1);
  if (line[checksumLength] !== ' ' || line.slice(0, checksumLength) !== checksumOf(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Opens (or makes, 0600) the file. Throws what the file system does. */
export function openRecordFile(path: string): RecordFile {
  let file = openSync(path, 'a+', 0o600);
  const content = readFileSync(path);
  const whole = content.lastIndexOf(0x0a) + 1;
  if (whole < content.length) ftruncateSync(file, whole);
  const lines = content.subarray(0, whole).toString('utf8').split('\n').slice(0, -1);
  const found = lines.map(parseRecordLine).filter((record) => record !== undefined);
  let bytes = whole;

  function append(records: readonly unknown[]): void {
    try {
      bytes += writeRecords(file, records);
    } catch (error) {
      // Half a record must not stand before later ones.
      if (fstatSync(file).size > bytes) ftruncateSync(file, bytes);
      throw error;
    }
  }

  return {
    found,
    dropped: lines.length - found.length + (whole < content.length ? 1 : 0),
    get bytes() {
      return bytes;
    },
    append,
    rewrite(records) {
      const next = `${path}.next`;
      const fresh = openSync(next, 'w', 0o600);
      try {
        writeRecords(fresh, records);
        // Not synced: it is to survive this process, and what a crash of the machine leaves of it has checksums.
        renameSync(next, path);
      } finally {
        closeSync(fresh);
      }
      // The last who had the old one open frees its blocks: 10 ms and more for some MB, so not in this thread.
      close(file, () => {});
      file = openSync(path, 'a+', 0o600);
      bytes = fstatSync(file).size;
    },
    close: () => closeSync(file),
  };
}

/** Returns how many bytes they took. */
function writeRecords(file: number, records: readonly unknown[]): number {
  let total = 0;
  let used = 0;
  const write = (bytes: Uint8Array): void => {
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
    total += bytes.length;
  };
  const flush = (): void => {
    if (used > 0) write(gathered.subarray(0, used));
    used = 0;
  };
  for (const record of records) {
    const text = JSON.stringify(record);
    const most = checksumLength + 2 + text.length * mostBytesPerUnit;
    if (most > gathered.length - used) flush();
    if (most > gathered.length) {
      const bytes = Buffer.from(text);
      write(Buffer.from(`${checksumOf(bytes)} `, 'latin1'));
      write(bytes);
      write(lineEnd);
      continue;
    }
    const from = used + checksumLength + 1;
    const to = from + gathered.write(text, from);
    gathered.write(`${checksumOf(gathered.subarray(from, to))} `, used, 'latin1');
    gathered[to] = 0x0a;
    used = to + 1;
  }
  flush();
  return total;
}
