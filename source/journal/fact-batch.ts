/**
 * The facts of one batch as bytes, opaque to every store:
 *
 *   [u8 layout][u32 facts, little-endian][payload]
 *
 * layout 1: a MessagePack array of facts, each an array that begins with its code (model/fact.ts): the few facts of a
 *           small batch take least time so
 * layout 2: columns (wire/fact-bytes.ts): of many facts the fewest bytes
 */
import { type Fact, facts } from '../model/fact.ts';
import { packValue, unpackValue } from '../wire/codec.ts';
import { factsPerBatch, packFacts, unpackFacts } from '../wire/fact-bytes.ts';

const rows = 1;
const columns = 2;
const headerBytes = 5;
/** Measured: columns cost as much time as rows from about here on. */
const columnsFrom = 64;
const none = Buffer.alloc(0);

/** More do not go into one batch. */
export const factsPerAppend = factsPerBatch;

/** Returns the bytes of up to `factsPerAppend` facts; none for none. */
export function packFactBatch(batch: readonly Fact[]): Uint8Array {
  if (batch.length === 0) return none;
  if (batch.length < columnsFrom) {
    const bytes = packValue(batch.map(facts.pack), headerBytes);
    writeHeader(bytes, rows, batch.length);
    return bytes;
  }
  const payload = packFacts(batch);
  const bytes = Buffer.allocUnsafe(headerBytes + payload.length);
  writeHeader(bytes, columns, batch.length);
  bytes.set(payload, headerBytes);
  return bytes;
}

function writeHeader(bytes: Buffer, layout: number, count: number): void {
  bytes.writeUInt8(layout, 0);
  bytes.writeUInt32LE(count, 1);
}

/**
 * Returns the facts, which need `batch` no more. Null where some are of kinds, or all in a layout, that only a newer version knows. Throws
 * ShapeError, PlainError, RangeError for bytes that are none of this.
 */
export function unpackFactBatch(batch: Uint8Array): Fact[] | null {
  if (batch.length === 0) return [];
  const bytes = Buffer.from(batch.buffer, batch.byteOffset, batch.length);
  const layout = bytes.readUInt8(0);
  if (layout !== rows && layout !== columns) return null;
  const count = bytes.readUInt32LE(1);
  const payload = bytes.subarray(headerBytes);
  const out = layout === rows ? unpackRows(payload) : unpackFacts(payload);
  return out !== null && out.length === count ? out.map(standing) : null;
}

/** The binary part of a job is kept for as long as the job is: not as a view, which would keep the whole page with it. */
function standing(fact: Fact): Fact {
  if (fact.kind !== 'job-submitted' || fact.spec.stdin === null) return fact;
  return { ...fact, spec: { ...fact.spec, stdin: Uint8Array.from(fact.spec.stdin) } };
}

function unpackRows(payload: Buffer): Fact[] | null {
  const raw = unpackValue(payload);
  if (!Array.isArray(raw)) throw new RangeError('expected an array of facts');
  const out = new Array<Fact>(raw.length);
  for (let i = 0; i < raw.length; i++) {
    const fact = facts.unpack(raw[i]);
    if (fact === null) return null;
    out[i] = fact;
  }
  return out;
}
