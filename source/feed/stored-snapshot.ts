/**
 * A snapshot of the state as a store keeps it: a stream of values (journal/value-stream.ts), each either one record as a
 * plain array, as older versions wrote all of them, or binary: a group of records in columns (wire/variant-bytes.ts, without
 * times). A million jobs that resemble each other take a tenth of the bytes and a fourth of the time of plain arrays.
 */
import { packValues, unpackValues } from '../journal/value-stream.ts';
import { recordsOf, type SnapshotRecord, snapshotRecords, snapshotRestorer } from '../scheduler/snapshot.ts';
import type { State } from '../scheduler/state.ts';
import { batchBytes } from '../wire/variant-bytes.ts';

const groups = batchBytes(snapshotRecords, { timed: false });

/** A group ends after so many records, or where what they carry comes to so many bytes. */
const groupRecords = 1_024;
const groupBytes = 1024 * 1024;

/** Yields the chunks of the state's snapshot, each `chunkBytes` long but the last. The state must not go on meanwhile. */
export function packSnapshot(state: State, chunkBytes: number): Generator<Uint8Array> {
  return packValues(grouped(recordsOf(state)), chunkBytes);
}

function* grouped(records: Iterable<SnapshotRecord>): Generator<unknown> {
  let group: SnapshotRecord[] = [];
  let carried = 0;
  for (const record of records) {
    // The head stands alone, before all others: it tells a reader whether it can read them.
    if (record.kind === 'head') {
      yield snapshotRecords.pack(record);
      continue;
    }
    group.push(record);
    carried += carriedBytes(record);
    if (group.length < groupRecords && carried < groupBytes) continue;
    yield groups.pack(group);
    group = [];
    carried = 0;
  }
  if (group.length > 0) yield groups.pack(group);
}

/** About how much a record holds beside its fixed fields. */
function carriedBytes(record: SnapshotRecord): number {
  if (record.kind === 'chunk') return record.rows.length;
  if (record.kind === 'node') return record.held.length * 64;
  if (record.kind !== 'job') return 0;
  const { work, stdin, env } = record.spec;
  let sum = (record.returned.length + record.delayed.length + record.astray.length) * 16 + (stdin?.length ?? 0);
  for (const argument of work.argv) sum += argument.length;
  for (const name in env) sum += name.length + (env[name] as string).length;
  if (work.input !== null) sum += JSON.stringify(work.input).length;
  return sum;
}

/** Returns the state that the chunks are of. Throws ShapeError, PlainError or RangeError where they are none. */
export async function readSnapshot(chunks: AsyncIterable<Uint8Array>): Promise<State> {
  const restoring = snapshotRestorer();
  for await (const value of unpackValues(chunks)) {
    if (value instanceof Uint8Array)
      for (const record of groups.unpack(Buffer.from(value.buffer, value.byteOffset, value.length)))
        restoring.take(record);
    else {
      const record = snapshotRecords.unpack(value);
      if (record !== null) restoring.take(record); // of a newer lbtop, which says by the version whether it is needed
    }
  }
  return restoring.end();
}
