/**
 * What must outlive this agent: outcomes that the coordinator has not settled, and which process groups run. It survives
 * the process (kill -9), not a crash of the machine: after that no outcome is known and the coordinator decides.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { LbtopError, oneLine } from '../model/errors.ts';
import { type Attempt, attemptId, type Outcome, outcomeShape } from '../model/node.ts';
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

export interface Spool {
  /** Of earlier agents: what they had not got settled. */
  readonly outcomes: readonly Outcome[];
  /** Of earlier agents: what they had started and not seen ending. */
  readonly processes: readonly SpooledProcess[];
  readonly agents: readonly SpooledAgent[];
  /** These are on disk after `flush`. */
  keep(outcome: Outcome): void;
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
  | { kind: 'ended'; outcome: unknown }
  | { kind: 'settled'; id: string }
  | { kind: 'began'; pid: number; startTicks: number }
  | { kind: 'gone'; pid: number };

/** The file is written anew when it has grown by this and to twice its size. */
const compactBytes = 256 * 1024;
/** After a failure everything is written anew: not for each record. */
const retryMs = 1_000;

/** Keeps nothing. */
export function noSpool(): Spool {
  const nothing = (): void => {};
  return {
    outcomes: [],
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
  const outcomes = new Map<string, Outcome>();
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
    outcomes: [...outcomes.values()],
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
  put({ kind: 'agent', id: agent, pid: process.pid, startTicks: processStat('self')?.startTicks ?? 0, groups });
  flush();

  function replay(record: SpoolRecord): void {
    if (record.kind === 'agent') agents.set(record.id, { ...record, groups: record.groups ?? null });
    else if (record.kind === 'ended') {
      const outcome = unpacked(record.outcome);
      if (outcome !== null) outcomes.set(idOf(outcome), outcome);
    } else if (record.kind === 'settled') outcomes.delete(record.id);
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
    for (const outcome of outcomes.values()) yield { kind: 'ended', outcome: outcomeShape.pack(outcome) };
  }

  function flush(): void {
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
    keep: (outcome) => put({ kind: 'ended', outcome: outcomeShape.pack(outcome) }),
    settle(attempt) {
      if (outcomes.has(idOf(attempt))) put({ kind: 'settled', id: idOf(attempt) });
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

function unpacked(packed: unknown): Outcome | null {
  try {
    return outcomeShape.unpack(packed);
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
