/**
 * What must outlive this agent: outcomes that the coordinator has not settled, with what it has not stored of their
 * output, and which process groups run. It survives the process (kill -9), not a crash of the machine: after that no
 * outcome is known and the coordinator decides.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { LbtopError, oneLine } from '../model/errors.ts';
import { type Attempt, attemptId, type Outcome, outcomeShape } from '../model/node.ts';
import { PassingMap } from '../model/passing-map.ts';
import type { Rest } from './output.ts';
import { processStat } from './process-stat.ts';
import { openRecordFile } from './record-file.ts';

/** A process that was started: its pid is its group's, its start time makes it unmistakable. */
export interface SpooledProcess {
  pid: number;
  startTicks: number;
}

/** An earlier agent: its incarnation, and the directory of its control groups (null: it had none). */
export interface SpooledAgent {
  id: string;
  groups: string | null;
}

/** How an attempt ended, and what the coordinator did not have of its streams then. */
export interface SpooledEnd {
  outcome: Outcome;
  rests: readonly Rest[];
}

export interface Spool {
  /** Of earlier agents: what they had not got settled. */
  readonly ends: readonly SpooledEnd[];
  /** Of earlier agents: what they had started and not seen ending. */
  readonly processes: readonly SpooledProcess[];
  readonly agents: readonly SpooledAgent[];
  /** On disk at the end of this turn of the event loop at the latest: perhaps nobody is there whom it could be told. */
  keep(outcome: Outcome, rests: readonly Rest[]): void;
  /** These are on disk after `flush`. */
  settle(attempt: Attempt): void;
  began(process: SpooledProcess): void;
  gone(pid: number): void;
  /** The processes of earlier agents have been ended. */
  forgetEarlier(): void;
  flush(): void;
  close(): void;
}

type SpoolRecord =
  | { kind: 'agent'; id: string; pid: number; startTicks: number; groups?: string | null }
  | { kind: 'ended'; outcome: unknown; rests?: PackedRest[] }
  | { kind: 'settled'; ids: string[] }
  /** As agents before wrote it. */
  | { kind: 'settled'; id: string }
  | { kind: 'began'; pid: number; startTicks: number }
  | { kind: 'gone'; pid: number };

/** Offset, bytes in base64, bytes cut after them. */
type PackedRest = [offset: number, data: string, cut: number];

/** The file is written anew when it has grown by this and to twice its size. */
const compactBytes = 8 * 1024 * 1024;
/** After a failure everything is written anew: not for each record. */
const retryMs = 1_000;

/** Keeps nothing. */
export function noSpool(): Spool {
  const nothing = (): void => {};
  return {
    ends: [],
    processes: [],
    agents: [],
    keep: nothing,
    settle: nothing,
    began: nothing,
    gone: nothing,
    forgetEarlier: nothing,
    flush: nothing,
    close: nothing,
  };
}

/**
 * Opens the spool in `dir` (made if it is not there) for the agent of that incarnation, which has its control groups
 * in `groups`. Throws what the file system does,
 * and LbtopError `usage` where another agent lives in that directory. Later, where it cannot write, it says so once and
 * outcomes are in memory only until it can again.
 */
export function openSpool(
  dir: string,
  agent: string,
  log: (line: string) => void,
  groups: string | null = null,
): Spool {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const file = openRecordFile(join(dir, 'spool'));
  const ends = new PassingMap<string, SpoolRecord & { kind: 'ended' }>();
  const processes = new Map<number, SpooledProcess>();
  const agents = new Map<string, SpooledProcess & { groups: string | null }>();
  for (const record of file.found) replay(record as SpoolRecord);
  for (const one of agents.values())
    if (one.pid !== process.pid && isAlive(one)) {
      file.close();
      throw new LbtopError(
        'usage',
        `another node (pid ${one.pid}) keeps its state in ${dir}: stop it, or choose another name`,
      );
    }
  if (file.dropped > 0) log(`spool: ${file.dropped} damaged record(s) dropped`);
  const earlier = {
    ends: [...ends.values()].map(unpacked).filter((one) => one !== null),
    processes: [...processes.values()],
    agents: [...agents].map(([id, { groups }]) => ({ id, groups })),
  };

  let pending: SpoolRecord[] = [];
  /** What the file holds is not what it should: write it anew. */
  let stale = false;
  let failing = false;
  let retryAt = 0;
  let closed = false;
  let compactedBytes = file.bytes;
  let flushing: NodeJS.Immediate | null = null;
  put({ kind: 'agent', id: agent, pid: process.pid, startTicks: processStat('self')?.startTicks ?? 0, groups });
  flush();

  function replay(record: SpoolRecord): void {
    if (record.kind === 'agent') agents.set(record.id, { ...record, groups: record.groups ?? null });
    else if (record.kind === 'ended') {
      const end = unpacked(record);
      if (end !== null) ends.set(idOf(end.outcome), record);
    } else if (record.kind === 'settled') for (const id of 'ids' in record ? record.ids : [record.id]) ends.delete(id);
    else if (record.kind === 'began') processes.set(record.pid, { pid: record.pid, startTicks: record.startTicks });
    else if (record.kind === 'gone') processes.delete(record.pid);
  }

  function put(record: SpoolRecord): void {
    replay(record);
    pending.push(record);
  }

  function* all(): Iterable<SpoolRecord> {
    for (const [id, { pid, startTicks, groups }] of agents) yield { kind: 'agent', id, pid, startTicks, groups };
    for (const one of processes.values()) yield { kind: 'began', ...one };
    yield* ends.values();
  }

  function flush(): void {
    if (flushing !== null) clearImmediate(flushing);
    flushing = null;
    if (closed || (pending.length === 0 && !stale) || performance.now() < retryAt) return;
    try {
      if (stale || file.bytes > compactBytes + 2 * compactedBytes) {
        file.rewrite([...all()]);
        compactedBytes = file.bytes;
      } else file.append(pending);
      stale = false;
      if (failing) log('spool: written again');
      failing = false;
    } catch (error) {
      stale = true;
      retryAt = performance.now() + retryMs;
      if (!failing) log(`spool: cannot write, outcomes are in memory only: ${oneLine(error)}`);
      failing = true;
    }
    pending = [];
  }

  return {
    ...earlier,
    keep(outcome, rests) {
      const record = { kind: 'ended', outcome: outcomeShape.pack(outcome), ...packed(rests) } as const;
      ends.set(idOf(outcome), record);
      pending.push(record);
      flushing ??= setImmediate(flush);
    },
    settle(attempt) {
      const id = idOf(attempt);
      if (!ends.delete(id)) return;
      const last = pending.at(-1);
      if (last?.kind === 'settled' && 'ids' in last) last.ids.push(id);
      else pending.push({ kind: 'settled', ids: [id] });
    },
    began: ({ pid, startTicks }) => put({ kind: 'began', pid, startTicks }),
    gone(pid) {
      if (processes.has(pid)) put({ kind: 'gone', pid });
    },
    forgetEarlier() {
      if (earlier.agents.length === 0) return;
      for (const { pid } of earlier.processes) processes.delete(pid);
      for (const { id } of earlier.agents) agents.delete(id);
      stale = true;
      flush();
    },
    flush,
    close() {
      flush();
      if (!closed) file.close();
      closed = true;
    },
  };
}

/** What is there of all streams is nothing for most tasks: then it takes no room. */
function packed(rests: readonly Rest[]): { rests?: PackedRest[] } {
  if (rests.every(({ data, cut }) => data.length === 0 && cut === 0)) return {};
  return {
    rests: rests.map(({ offset, data, cut }) => [
      offset,
      Buffer.from(data.buffer, data.byteOffset, data.length).toString('base64'),
      cut,
    ]),
  };
}

function unpacked({ outcome, rests = [] }: SpoolRecord & { kind: 'ended' }): SpooledEnd | null {
  try {
    return {
      outcome: outcomeShape.unpack(outcome),
      rests: rests.map(([offset, data, cut]) => ({ offset, data: Buffer.from(data, 'base64'), cut })),
    };
  } catch {
    return null;
  }
}

function idOf({ job, ordinal, attempt }: Attempt): string {
  return attemptId(job, ordinal, attempt);
}

function isAlive({ pid, startTicks }: SpooledProcess): boolean {
  const stat = processStat(pid);
  return stat !== null && stat.startTicks === startTicks && !'ZX'.includes(stat.state);
}
