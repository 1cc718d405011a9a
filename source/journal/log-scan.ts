/**
 * Finds where SQLite's log ends, by its published format: a header of 32 bytes, then frames of 24 bytes and a page, each
 * with a checksum that goes on from the frame before. Only to name the place of damage: SQLite reads the log itself.
 */
import { existsSync, readFileSync } from 'node:fs';

const headerBytes = 32;
const frameHeaderBytes = 24;
const magic = 0x377f0682;

export interface LogEnd {
  /** The byte at which the first frame begins that is not whole and right; 0: that is the header itself. */
  readonly offset: number;
  /** True where a whole frame is there all the same: the log was not cut at this place. */
  readonly goesOn: boolean;
}

/** Returns where the log ends for SQLite. A log that is missing is one that was cut at its first byte. */
export function logEnd(file: string): LogEnd {
  if (!existsSync(file)) return { offset: 0, goesOn: false };
  const log = readFileSync(file);
  if (log.length < headerBytes) return { offset: 0, goesOn: false };
  const bigEndian = (log.readUInt32BE(0) & 1) === 1;
  const pageBytes = log.readUInt32BE(8) || 65_536;
  const frameBytes = frameHeaderBytes + pageBytes;
  const sums: Sums = [0, 0];
  add(sums, log, 0, 24, bigEndian);
  if (log.readUInt32BE(0) >>> 1 !== magic >>> 1 || !matches(sums, log, 24)) return { offset: 0, goesOn: true };
  let at = headerBytes;
  for (; at + frameBytes <= log.length; at += frameBytes) {
    if (log.compare(log, 16, 24, at + 8, at + 16) !== 0) return { offset: at, goesOn: true };
    add(sums, log, at, at + 8, bigEndian);
    add(sums, log, at + frameHeaderBytes, at + frameBytes, bigEndian);
    if (!matches(sums, log, at + 16)) return { offset: at, goesOn: true };
  }
  return { offset: at, goesOn: false };
}

type Sums = [number, number];

function add(sums: Sums, log: Buffer, from: number, to: number, bigEndian: boolean): void {
  let [first, second] = sums;
  for (let at = from; at < to; at += 8) {
    first = (first + (bigEndian ? log.readUInt32BE(at) : log.readUInt32LE(at)) + second) >>> 0;
    second = (second + (bigEndian ? log.readUInt32BE(at + 4) : log.readUInt32LE(at + 4)) + first) >>> 0;
  }
  sums[0] = first;
  sums[1] = second;
}

function matches(sums: Sums, log: Buffer, at: number): boolean {
  return log.readUInt32BE(at) === sums[0] && log.readUInt32BE(at + 4) === sums[1];
}
