/** Leading, in an engine: one key under a lease. The revision at which it was put is the epoch of the term. */
import { randomUUID } from 'node:crypto';
import { oneLine } from '../model/errors.ts';
import { type Etcd, entriesOf, keyBytes, keyRange, keyRevisionIs, revisionOf } from '../wire/etcd.ts';
import { followLeader, spokenOf } from '../wire/leader.ts';
import type { Leader, Writer } from './store.ts';
import { fenced, type StoreError } from './store-error.ts';

/** A leader that says nothing for so long is none any more. An engine gives no less than its own election takes, 1.5 s. */
export const leaseMs = 2_000;
const renewMs = 500;
/** A member that is frozen, and perhaps the one after it, must not cost the lease. */
const memberMs = 300;

/** The engine's own leadership: held from `begin` until the lease is gone or somebody else begins. */
export interface Leadership {
  readonly leader: Leader;
  /** Aborted when it is over; with a StoreError where that was not of our own doing. */
  readonly lost: AbortSignal;
  /** To be put into every transaction: it is carried out only as long as nobody else began. */
  readonly fence: object;
  /** It is over: says so to those who wait here, not to the engine. With the reason, where that is not of our own doing. */
  end(reason?: StoreError): void;
  /** Ends it for all. */
  resign(): Promise<void>;
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
      compare: [keyRevisionIs(key, before)],
      success: [{ request_put: { key: keyBytes(key), value, lease } }],
      failure: [{ request_range: keyRange(key) }],
    },
    { signal },
  );
  if (answer.succeeded === true) return lead(etcd, key, { ...me, epoch: revisionOf(answer) }, lease);
  // The answer to an earlier try may have been lost.
  const [entry] = entriesOf((answer.responses as { response_range?: unknown }[] | undefined)?.[0]?.response_range);
  if (entry !== undefined && spokenOf(entry.value).mark === mark)
    return lead(etcd, key, { ...me, epoch: entry.modRevision }, lease);
  void revoke(etcd, lease);
  return null;
}

const silent = 'or may do so: the engine heard nothing of this one for too long';

function lead(etcd: Etcd, key: string, leader: Leader, lease: string): Leadership {
  const over = new AbortController();
  const end = (reason?: StoreError): void => over.abort(reason);
  const lose = (by: string): void => end(fenced(leader.epoch, by));
  const renewing = setInterval(() => void renew(), renewMs);
  let underWay = false;
  over.signal.addEventListener('abort', () => clearInterval(renewing));

  async function renew(): Promise<void> {
    if (underWay) return;
    underWay = true;
    try {
      const answer = await etcd.call(
        'lease/keepalive',
        { ID: lease },
        {
          withinMs: leaseMs - renewMs,
          deadlineMs: memberMs,
          signal: over.signal,
        },
      );
      const { TTL } = (answer.result ?? {}) as { TTL?: string };
      if (Number(TTL ?? 0) <= 0) lose(silent);
    } catch {
      // It does not answer, or this is over. Whether the lease is gone, it will say.
    }
    underWay = false;
  }

  void followLeader(
    etcd,
    (now) => {
      if (now === null) lose(silent);
      else if (now.epoch !== leader.epoch) lose(`its term is ${now.epoch}, at ${now.address}`);
    },
    over.signal,
  ).catch((error) => lose(oneLine(error)));

  return {
    leader,
    lost: over.signal,
    fence: keyRevisionIs(key, leader.epoch),
    end,
    async resign() {
      end();
      const gone = { compare: [keyRevisionIs(key, leader.epoch)], success: [{ request_delete_range: keyRange(key) }] };
      await etcd.call('kv/txn', gone).catch(() => {}); // its lease ends it then
      await revoke(etcd, lease);
    },
  };
}

async function revoke(etcd: Etcd, lease: string): Promise<void> {
  await etcd.call('lease/revoke', { ID: lease }, { withinMs: leaseMs }).catch(() => {}); // it ends by itself
}
