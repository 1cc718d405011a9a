import type { GatheredRecord } from './batch-bytes.ts';
import { checksum } from './checksum.ts';
import type { Sqlite } from './sqlite.ts';

/** Returns the function that puts a record into its table. */
export function recordWriter(db: Sqlite): (record: GatheredRecord) => void {
  const output = db.prepare(
    `INSERT INTO outputs VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
     SET cut = excluded.cut, crc = excluded.crc, data = excluded.data
     WHERE length(excluded.data) + excluded.cut >= length(data) + cut`,
  );
  const earlier = db.prepare('DELETE FROM outputs WHERE job = ? AND ordinal = ? AND attempt < ?');
  const result = db.prepare(
    `INSERT INTO results VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
     SET attempt = excluded.attempt, crc = excluded.crc, json = excluded.json WHERE excluded.attempt >= attempt`,
  );
  const noItems = db.prepare('DELETE FROM items WHERE job = ?');
  const items = db.prepare('REPLACE INTO items VALUES (?, ?, ?, ?)');
  const forget = db.prepare('INSERT OR IGNORE INTO forgotten VALUES (?)');
  return ({ kind, job, ordinal, attempt, number, offset, cut, bytes }) => {
    switch (kind) {
      case 'output':
        if (offset === 0 && attempt > 1) earlier.run(job, ordinal, attempt);
        output.run(
          job,
          ordinal,
          attempt,
          number,
          offset,
          cut,
          checksum([job, ordinal, attempt, number, offset, cut], bytes),
          bytes,
        );
        return;
      case 'result':
        result.run(job, ordinal, attempt, checksum([job, ordinal, attempt], bytes), bytes);
        return;
      case 'items':
        if (number === 0) noItems.run(job);
        items.run(job, number, checksum([job, number], bytes), bytes);
        return;
      case 'forget':
        forget.run(job);
        return;
    }
  };
}
