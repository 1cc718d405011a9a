/** Who leads, in an engine: one key under a lease. The revision at which it was put is the epoch of the term. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type Etcd, type EtcdEntry, EtcdError, entriesOf, keyBytes, keyRange, revisionOf } from '../wire/etcd.ts';
import type { Leader, Writer } from './store.ts';
import { StoreError } from './store-error.ts';

/** A leader that says nothing for so long is none any more. An engine gives no less than its own election takes, 1.5 s. */
export const leaseMs = 2_000;
const renewMs = 500;
const quietMs = 1_000;
const againMs = 50;

/** The engine's own leadership: held from `begin` until the lease is gone or somebody else begins. */
export interface Leadership {
  readonly leader: Leader;
  /** Aborted when it is over. */
  readonly lost: AbortSignal;
  /** To be put into every transaction: it is carried out only as long as nobody else began. */
  readonly fence: object;
  /** It is over: says so to those who wait here, not to the engine. */
  end(): void;
  /** Ends it for all. */
  resign(): Promise<void>;
}

/** Returns the leader that an entry speaks of. Throws StoreError `version` for an entry that is none. */
export function leaderOf({ value, modRevision }: EtcdEntry): Leader {
  const said = spoken(value);
  if (typeof said.id !== 'string' || typeof said.address !== 'string')
    throw new StoreError(
      'version',
      'the leader in the engine was written by a newer version of lbtop: use that version',
    );
  return { id: said.id, address: said.address, epoch: modRevision };
}

function spoken(value: Buffer): Record<string, unknown> {
  try {
    const said: unknown = JSON.parse(value.toString());
    return typeof said === 'object' && said !== null ? (said as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Returns the leader of now, or null. Rejects as `Etcd.call`. */
export async function leaderNow(etcd: Etcd, key: string, signal?: AbortSignal): Promise<Leader | null> {
  const [entry] = entriesOf(await etcd.call('kv/range', keyRange(key), { signal }));
  return entry === undefined ? null : leaderOf(entry);
}

/**
 * Calls `tell` with the leader of now, then with every other one, until the signal is aborted. What the engine does not
 * say for a while, because it does not answer, is told when it does.
 */
export async function followLeader(
  etcd: Etcd,
  key: string,
  tell: (leader: Leader | null) => void,
  signal: AbortSignal,
): Promise<void> {
  let known: number | null = null;
  const learn = (leader: Leader | null): void => {
    const epoch = leader?.epoch ?? 0;
    if (epoch === known || signal.aborted) return;
    known = epoch;
    tell(leader);
  };
  while (!signal.aborted) {
    try {
      const answer = await etcd.call('kv/range', keyRange(key), { signal });
      const [entry] = entriesOf(answer);
      learn(entry === undefined ? null : leaderOf(entry));
      const options = { from: revisionOf(answer) + 1, quietMs, signal };
      for await (const events of etcd.watch(keyRange(key), options))
        for (const event of events) learn(event.deleted ? null : leaderOf(event));
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof EtcdError && error.fault !== 'compacted') await pause(againMs);
      else if (!(error instanceof EtcdError)) throw error;
    }
  }
}

/**
 * Puts `me` in the place of the term `before`, 0 for nobody; null where another one is there. From then on the lease is
 * renewed until `end` or `resign`.
 */
export async function takeLead(
  etcd: Etcd,
  key: string,
  me: Writer,
  before: number,
  signal?: AbortSignal,
): Promise<Leadership | null> {
  const granted = await etcd.call('lease/grant', { TTL: `${leaseMs / 1_000}` }, { signal });
  const lease = String(granted.ID);
  const mark = randomUUID();
  const value = Buffer.from(JSON.stringify({ ...me, mark })).toString('base64');
  const answer = await etcd.call(
    'kv/txn',
    {
      compare: [revisionIs(key, before)],
      success: [{ request_put: { key: keyBytes(key), value, lease } }],
      failure: [{ request_range: keyRange(key) }],
    },
    { signal },
  );
  if (answer.succeeded === true) return lead(etcd, key, { ...me, epoch: revisionOf(answer) }, lease);
  // The answer to an earlier try may have been lost.
  const [entry] = entriesOf((answer.responses as { response_range?: unknown }[] | undefined)?.[0]?.response_range);
  if (entry !== undefined && spoken(entry.value).mark === mark)
    return lead(etcd, key, { ...me, epoch: entry.modRevision }, lease);
  void revoke(etcd, lease);
  return null;
}

/** Returns the comparison that a key was put at that revision; 0: that it is not there. */
export function revisionIs(key: string, revision: number): object {
  return { key: keyBytes(key), target: 'MOD', result: 'EQUAL', mod_revision: `${revision}` };
}

function lead(etcd: Etcd, key: string, leader: Leader, lease: string): Leadership {
  const over = new AbortController();
  const end = (): void => over.abort();
  const renewing = setInterval(() => void renew(), renewMs);
  let underWay = false;
  over.signal.addEventListener('abort', () => clearInterval(renewing));

  async function renew(): Promise<void> {
    if (underWay) return;
    underWay = true;
    try {
      const answer = await etcd.call('lease/keepalive', { ID: lease }, { withinMs: renewMs, signal: over.signal });
      const { TTL } = (answer.result ?? {}) as { TTL?: string };
      if (Number(TTL ?? 0) <= 0) end();
    } catch {
      // It does not answer, or this is over. Whether the lease is gone, it will say.
    }
    underWay = false;
  }

  void followLeader(
    etcd,
    key,
    (now) => {
      if (now?.epoch !== leader.epoch) end();
    },
    over.signal,
  ).catch(end);

  return {
    leader,
    lost: over.signal,
    fence: revisionIs(key, leader.epoch),
    end,
    async resign() {
      end();
      const gone = { compare: [revisionIs(key, leader.epoch)], success: [{ request_delete_range: keyRange(key) }] };
      await etcd.call('kv/txn', gone).catch(() => {}); // its lease ends it then
      await revoke(etcd, lease);
    },
  };
}

async function revoke(etcd: Etcd, lease: string): Promise<void> {
  await etcd.call('lease/revoke', { ID: lease }, { withinMs: leaseMs }).catch(() => {}); // it ends by itself
}
