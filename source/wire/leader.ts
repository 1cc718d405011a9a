/** Who leads, as an engine has it: one key, which whoever begins to lead puts under a lease of its own. */
import { setTimeout as pause } from 'node:timers/promises';
import { LbtopError } from '../model/errors.ts';
import { type Etcd, type EtcdEntry, EtcdError, entriesOf, keyRange, revisionOf } from './etcd.ts';

/** The coordinator that leads. */
export interface EngineLeader {
  /** Distinguishes processes. */
  readonly id: string;
  /** `host:port`. */
  readonly address: string;
  /** The revision at which it began: greater than that of any before. */
  readonly epoch: number;
}

const againMs = 50;

/** Returns the key of the leader under `prefix`. */
export function leaderKey(prefix: string): string {
  return `${prefix}/leader`;
}

/** Returns the leader that an entry speaks of. Throws LbtopError for an entry that is none. */
export function leaderOf({ value, modRevision }: EtcdEntry): EngineLeader {
  const { id, address } = spokenOf(value);
  if (typeof id === 'string' && typeof address === 'string') return { id, address, epoch: modRevision };
  throw new LbtopError('failed', 'the leader in the engine was written by a newer version of lbtop: use that version');
}

/** Returns what the JSON text of a value says; nothing where it is none. */
export function spokenOf(value: Buffer): Record<string, unknown> {
  try {
    const said: unknown = JSON.parse(value.toString());
    return typeof said === 'object' && said !== null ? (said as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Returns the leader of now, or null. Rejects as `Etcd.call`. */
export async function leaderNow(etcd: Etcd, signal?: AbortSignal): Promise<EngineLeader | null> {
  const [entry] = entriesOf(await etcd.call('kv/range', keyRange(leaderKey(etcd.prefix)), { signal }));
  return entry === undefined ? null : leaderOf(entry);
}

/**
 * Calls `tell` with the leader of now, then with every other one, until the signal is aborted. What the engine does not
 * say for a while, because it does not answer, is told when it does. A member that says nothing at all, not even that it
 * is gone, is found out after `quietMs`.
 */
export async function followLeader(
  etcd: Etcd,
  tell: (leader: EngineLeader | null) => void,
  signal: AbortSignal,
  quietMs = 1_000,
): Promise<void> {
  const range = keyRange(leaderKey(etcd.prefix));
  let known: number | null = null;
  const learn = (leader: EngineLeader | null): void => {
    const epoch = leader?.epoch ?? 0;
    if (epoch === known || signal.aborted) return;
    known = epoch;
    tell(leader);
  };
  while (!signal.aborted) {
    try {
      const answer = await etcd.call('kv/range', range, { signal });
      const [entry] = entriesOf(answer);
      learn(entry === undefined ? null : leaderOf(entry));
      for await (const events of etcd.watch(range, { from: revisionOf(answer) + 1, quietMs, signal }))
        for (const event of events) learn(event.deleted ? null : leaderOf(event));
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof EtcdError)) throw error;
      if (error.fault !== 'compacted') await pause(againMs);
    }
  }
}
