/**
 * A file of small records that survive the process that wrote them: one a line, each with its checksum. A last line that
 * is not whole (the process was killed while writing) is cut; a damaged line in between is dropped and counted.
 */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';

export interface RecordFile {
  /** What was found when it was opened: JSON values, in order. */
  readonly found: readonly unknown[];
  /** Lines that were damaged or not whole. */
  readonly dropped: number;
  /** Bytes now in the file. */
  readonly bytes: number;
  /** Adds records (JSON values) by one write. Throws what the file system does; nothing is added then. */
  append(records: readonly unknown[]): void;
  /** Replaces the whole content, at once or not at all. Throws as `append`. */
  rewrite(records: readonly unknown[]): void;
  close(): void;
}

const checksumLength = 8;

/** One record as it is written. */
export function recordLine(record: unknown): string {
  const text = JSON.stringify(record);
  return `${crc32(text).toString(16).padStart(checksumLength, '0')} ${text}\n`;
}

/** Returns the record of one line without its end, or undefined where it is damaged. */
export function parseRecordLine(line: string): unknown {
  const text = line.slice(checksumLength + 1);
  if (
    line[checksumLength] !== ' ' ||
    line.slice(0, checksumLength) !== crc32(text).toString(16).padStart(checksumLength, '0')
  )
    return undefined;
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
    const data = Buffer.from(records.map(recordLine).join(''));
    let written = 0;
    try {
      while (written < data.length) written += writeSync(file, data, written);
    } catch (error) {
      // Half a record must not stand before later ones.
      if (written > 0) ftruncateSync(file, bytes);
      throw error;
    }
    bytes += data.length;
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
      const data = Buffer.from(records.map(recordLine).join(''));
      const fresh = openSync(next, 'w', 0o600);
      try {
        let written = 0;
        while (written < data.length) written += writeSync(fresh, data, written);
        fsyncSync(fresh);
        renameSync(next, path);
      } finally {
        closeSync(fresh);
      }
      closeSync(file);
      file = openSync(path, 'a+', 0o600);
      bytes = fstatSync(file).size;
    },
    close: () => closeSync(file),
  };
}
