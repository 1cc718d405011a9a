/**
 * The nodes as other programs can read them in an engine: a key for each, `PREFIX/nodes/NAME`, with what it offers as
 * JSON, under one lease of the coordinator that leads. Nothing is decided by it. One that leads no longer writes nothing.
 */
import type { Fact } from '../model/fact.ts';
import type { NodeState, State } from '../scheduler/state.ts';
import { type Etcd, keyBytes, keyRange, keyRevisionIs, openEtcd } from '../wire/etcd.ts';
import { parseEtcdAddress } from '../wire/etcd-address.ts';
import { leaderKey } from '../wire/leader.ts';

export interface NodeRegister {
  observe(facts: readonly Fact[]): void;
  /** Ends it; the keys go with the lease. */
  close(): Promise<void>;
}

/** Long enough that nodes stay in it while another coordinator takes over. */
const leaseS = 15;
const renewMs = 5_000;
const putsAtOnce = 50;
/** What a restarted engine or an expired lease took away is put again at the next renewal. */
const callMs = 3_000;

const told: ReadonlySet<Fact['kind']> = new Set<Fact['kind']>([
  'node-joined',
  'node-health',
  'node-dropped',
  'node-intent',
  'node-drained',
]);

/** Returns the register of the nodes of `state`, for the term that began as `epoch`. What cannot be put is put later. */
export function nodeRegister(url: string, state: State, epoch: number): NodeRegister {
  const etcd = openEtcd(parseEtcdAddress(url));
  const ending = new AbortController();
  const fence = [keyRevisionIs(leaderKey(etcd.prefix), epoch)];
  const due = new Set<string>(state.nodes.keys());
  let lease: string | null = null;
  let working: Promise<void> | null = null;

  async function renew(): Promise<void> {
    if (lease !== null) {
      const answer = await etcd.call('lease/keepalive', { ID: lease }, call());
      const { TTL } = (answer.result ?? {}) as { TTL?: string };
      if (Number(TTL ?? 0) > 0) return;
    }
    lease = String((await etcd.call('lease/grant', { TTL: `${leaseS}` }, call())).ID);
    for (const name of state.nodes.keys()) due.add(name);
  }

  const call = () => ({ withinMs: callMs, signal: ending.signal });

  async function write(): Promise<void> {
    if (lease === null) await renew();
    while (due.size > 0) {
      const names = [...due].slice(0, putsAtOnce);
      const success = names.map((name) => requestFor(etcd, lease as string, name, state.nodes.get(name)));
      for (const name of names) due.delete(name);
      try {
        await etcd.call('kv/txn', { compare: fence, success }, call());
      } catch (error) {
        for (const name of names) due.add(name);
        throw error;
      }
    }
  }

  function work(first: () => Promise<void>): void {
    working ??= first()
      .then(write)
      .catch(() => {}) // with the next renewal
      .finally(() => {
        working = null;
      });
  }

  const timer = setInterval(() => work(renew), renewMs);
  work(renew);
  return {
    observe(facts) {
      const before = due.size;
      for (const fact of facts) if (told.has(fact.kind) && 'node' in fact && fact.node !== null) due.add(fact.node);
      // What comes while others are put goes with them.
      if (due.size > before) work(async () => {});
    },
    async close() {
      clearInterval(timer);
      ending.abort();
      await working;
      etcd.close();
    },
  };
}

function requestFor({ prefix }: Etcd, lease: string, name: string, node: NodeState | undefined): object {
  const key = `${prefix}/nodes/${name}`;
  if (node === undefined || node.health === 'left' || node.health === 'lost')
    return { request_delete_range: keyRange(key) };
  const { info, health, intent, address } = node;
  const { slots, cores, cpuModel, memoryTotal, labels, resources, handlers, listen, host, version } = info;
  const offers = { slots, cores, cpuModel, memoryTotal, labels, resources, handlers, direct: listen };
  const said = { name, health, intent, address, host, version, ...offers };
  return {
    request_put: { key: keyBytes(key), value: Buffer.from(JSON.stringify(said)).toString('base64'), lease },
  };
}
