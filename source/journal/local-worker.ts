/** A thread of the local store: takes one request after the other, and does its chores while there is none. */
import { parentPort, workerData } from 'node:worker_threads';
import { openDatabase } from './database.ts';
import { createReads } from './database-reads.ts';
import { journalFiles } from './directory.ts';
import {
  type Answer,
  type Notice,
  type Opened,
  type ReaderCalls,
  type Request,
  type ThreadData,
  told,
  type WriterCalls,
} from './local-calls.ts';
import { startLogSync } from './log-sync.ts';
import { openTables } from './schema.ts';
import { faultOf } from './sqlite.ts';

/** What the other side waits for until it is durable. */
const mustLast: ReadonlySet<string> = new Set<keyof WriterCalls>(['begin', 'append', 'endSnapshot']);

/** How often to look whether a full disk has room again. */
const lookMs = 500;

const port = parentPort;
if (port === null) throw new Error('this file runs as a thread of the local store');

type Calls = { [name: string]: (...args: never[]) => unknown };

function serve(calls: Calls, file: string, after: (id: number, call: string, done: boolean) => void): void {
  port?.on('message', ([id, call, ...args]: Request) => {
    let done = false;
    try {
      const value = (calls[call] as (...args: unknown[]) => unknown)(...args);
      port.postMessage([id, true, value] satisfies Answer, value instanceof ArrayBuffer ? [value] : []);
      done = true;
    } catch (error) {
      port.postMessage([id, false, told(faultOf(error, { file }))] satisfies Answer);
    }
    if (call === 'close') port.close();
    else after(id, call, done);
  });
}

function write({ directory, reserveBytes }: ThreadData): Opened {
  const database = openDatabase({ directory, reserveBytes });
  let next: NodeJS.Immediate | null = null;
  let looking: NodeJS.Timeout | null = null;
  let saidFull = database.full;
  const say = (notice: Notice) => port?.postMessage(notice);
  /** By request: the last batch that was stored then. */
  let unsynced: [id: number, batch: number][] = [];
  const log = startLogSync({
    file: journalFiles(directory).log,
    synced(id) {
      const safe = unsynced.findLast(([written]) => written <= id);
      unsynced = unsynced.filter(([written]) => written > id);
      if (safe !== undefined) database.acknowledge(safe[1]);
      say({ synced: id });
    },
    failed(error) {
      say({ syncFailed: told(database.fail(error)) });
    },
  });

  function wrote(id: number): void {
    unsynced.push([id, database.last]);
    log.wrote(id);
  }

  function afterwards(): void {
    if (database.full !== saidFull) {
      saidFull = database.full;
      say({ full: saidFull });
    }
    if (database.full !== null) looking ??= setInterval(look, lookMs);
    // A message that waits is taken before the next chore: the event loop sees to that.
    next ??= setImmediate(chore);
  }

  function look(): void {
    if (database.lookForRoom() === null && looking !== null) {
      clearInterval(looking);
      looking = null;
    }
    afterwards(); // chores that had no room may have it now
  }

  function chore(): void {
    next = null;
    if (database.chore()) next = setImmediate(chore);
  }

  const calls: WriterCalls = {
    begin: database.begin,
    append(seq, epoch, batch) {
      try {
        return database.append(seq, epoch, batch);
      } finally {
        // At once: V8 lets tens of megabytes of such memory gather before it looks for what is garbage.
        batch.transfer(0);
      }
    },
    startSnapshot: database.startSnapshot,
    putChunk: (epoch, seq, part, bytes) => database.putChunk(epoch, seq, part, new Uint8Array(bytes)),
    endSnapshot: database.endSnapshot,
    close() {
      if (looking !== null) clearInterval(looking);
      if (next !== null) clearImmediate(next);
      try {
        log.close();
        database.acknowledge(database.last);
      } finally {
        database.close();
      }
    },
  };
  serve(calls as unknown as Calls, directory, (id, call, done) => {
    if (done && mustLast.has(call)) wrote(id);
    afterwards();
  });
  afterwards();
  return { missing: database.missing, full: saidFull, bytes: database.size() };
}

function read({ directory, role }: ThreadData): null {
  const files = journalFiles(directory);
  const db = openTables(files, true);
  if (role === 'view') {
    db.exec('BEGIN');
    db.prepare('SELECT count(*) FROM head').get(); // the view begins with the first read
  }
  const calls: ReaderCalls = {
    ...createReads(db),
    close: () => db.close(),
  };
  serve(calls as unknown as Calls, files.journal, () => {});
  return null;
}

const data = workerData as ThreadData;
try {
  port.postMessage([0, true, data.role === 'writer' ? write(data) : read(data)] satisfies Answer);
} catch (error) {
  port.postMessage([0, false, told(faultOf(error, { file: journalFiles(data.directory).journal }))] satisfies Answer);
  port.close();
}
