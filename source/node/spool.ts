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
  /**
   * Where nobody is there whom it could be told, it is on disk when this turn of the event loop ends. Else after `holdMs`, or
   * twice that, if it is not settled by then; `rests` is called when it is written.
   */
  keep(outcome: Outcome, rests: () => readonly Rest[]): void;
  /** What is settled or gone is on disk after `flush`, and so is all that was kept. */
  settle(attempt: Attempt): void;
  /** On disk after `holdMs`: who is killed with its guard leaves it to its successor. */
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

/** An end that is not settled. */
interface Kept {
  record(): EndRecord;
  /** Of `holdMs`: the one in which it came. */
  round: number;
}

type EndRecord = SpoolRecord & { kind: 'ended' };

/** Offset, bytes in base64, bytes cut after them. */
type PackedRest = [offset: number, data: string, cut: number];

/** The file is written anew when it has grown by this and to twice its size. */
const compactBytes = 8 * 1024 * 1024;
/**
 * A coordinator that is there settles an end within a moment: writing each down before would take a third of a node's time with
 * short tasks. What is killed with its coordinator within that moment ran, for all that anybody knows, when it was killed.
 */
const holdMs = 10;
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
 * in `groups`; `heard` tells whether there is a coordinator to settle what is told. Throws what the file system does, and
 * LbtopError `usage` where another agent lives in that directory. Later, where it cannot write, it says so once and outcomes are
 * in memory only until it can again.
 */
export function openSpool(
  dir: string,
  agent: string,
  log: (line: string) => void,
  groups: string | null = null,
  heard: () => boolean = () => false,
): Spool {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const file = openRecordFile(join(dir, 'spool'));
  const ends = new PassingMap<string, Kept>();
  /** Those of them that are not written, oldest first. */
  const held = new PassingMap<string, Kept>();
  let round = 0;
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
    ends: [...ends.values()].map((kept) => unpacked(kept.record())).filter((one) => one !== null),
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
  let holding: NodeJS.Timeout | null = null;
  put({ kind: 'agent', id: agent, pid: process.pid, startTicks: processStat('self')?.startTicks ?? 0, groups });
  flush();

  function replay(record: SpoolRecord): void {
    if (record.kind === 'agent') agents.set(record.id, { ...record, groups: record.groups ?? null });
    else if (record.kind === 'ended') {
      const end = unpacked(record);
      if (end !== null) ends.set(idOf(end.outcome), { record: () => record, round });
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
    for (const kept of ends.values()) yield kept.record();
  }

  /** Writes the ends that were there before this round began. */
  function endRound(): void {
    holding = null;
    for (const [id, kept] of held) {
      if (kept.round === round) break;
      held.delete(id);
      pending.push(kept.record());
    }
    round++;
    if (held.size > 0) hold();
    write();
  }

  function hold(): void {
    holding ??= setTimeout(endRound, holdMs).unref();
  }

  function flush(): void {
    if (flushing !== null) clearImmediate(flushing);
    flushing = null;
    for (const kept of held.values()) pending.push(kept.record());
    held.clear();
    write();
  }

  function write(): void {
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
      const id = idOf(outcome);
      const kept: Kept = {
        record: () => ({ kind: 'ended', outcome: outcomeShape.pack(outcome), ...packed(rests()) }),
        round,
      };
      ends.set(id, kept);
      held.set(id, kept);
      if (heard()) hold();
      else flushing ??= setImmediate(flush);
    },
    settle(attempt) {
      const id = idOf(attempt);
      if (!ends.delete(id) || held.delete(id)) return;
      const last = pending.at(-1);
      if (last?.kind === 'settled' && 'ids' in last) last.ids.push(id);
      else pending.push({ kind: 'settled', ids: [id] });
    },
    began({ pid, startTicks }) {
      put({ kind: 'began', pid, startTicks });
      hold();
    },
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
      if (holding !== null) clearTimeout(holding);
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
